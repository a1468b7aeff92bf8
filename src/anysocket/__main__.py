"""``python -m anysocket …`` is the ``anysocket`` command."""

if __name__ == "__main__":
    import sys

    # Here and not above: importing the core never brings in an adapter.
    from anysocket_cli import main

    sys.exit(main())
