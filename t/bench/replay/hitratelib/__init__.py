# Copyright (c) 2026 The cucache authors. BSD-3-Clause, see LICENSE.
"""What scripts/hitrate is made of."""
