# Copyright (c) 2026 The cucache authors. BSD-3-Clause, see LICENSE.
"""What scripts/compare and scripts/instructions-per-request are made of."""
