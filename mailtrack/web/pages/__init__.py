"""What each page is made of: one frozen value per page, with its template."""
