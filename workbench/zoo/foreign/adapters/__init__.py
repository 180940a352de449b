"""What models that were made elsewhere come as; one file each."""
