"""Identity providers: protocol code as generators that ask and are answered, and one transport that drives them."""
