"""What is documented is executed: the pages, and everything that they have to mention."""
