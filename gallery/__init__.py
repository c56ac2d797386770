"""Pictures of everything that people see: every mail and every page, as browsers show them."""
