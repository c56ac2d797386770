"""What an operator asks of a service: reports, checks, backups, corrections."""
