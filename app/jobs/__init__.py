"""What runs in the background: each job takes ids, calls services, and is safe to run twice."""
