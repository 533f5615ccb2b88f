"""What a request asks for, which rule judges it, and the verdict."""
