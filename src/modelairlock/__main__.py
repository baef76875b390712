"""``python -m modelairlock``: the ``airlock`` program, where its script is not on the path."""

from modelairlock.cli import main

if __name__ == "__main__":
    main()
