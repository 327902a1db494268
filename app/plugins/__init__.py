"""What the plugins ask: search servers, books, pictures, a sandbox, the text of PDFs. One file each."""
