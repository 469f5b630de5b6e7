"""``python -m probecost``: the ``probecost`` command."""

import sys

from probecost.cli.main import main

sys.exit(main())
