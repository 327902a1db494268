"""The rules: values in, values out. No Flask, no database, no network."""
