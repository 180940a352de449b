"""How clear a picture is and which tissue it shows, each helping the other."""
