"""A directory by LDAP. Nothing here loads the library before a section of gateway.yaml asks for it."""
