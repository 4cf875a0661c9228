"""Home Assistant: what its grammar understands is done there, and read back before anybody says that it is."""
