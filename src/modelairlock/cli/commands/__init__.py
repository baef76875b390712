"""One file a command, each with one ``command``. What a command needs beyond click it imports when it runs."""
