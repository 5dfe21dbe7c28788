# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The return values of the module personal_access_token_info."""

from __future__ import annotations

from ..base.row import Params, Row
from ..engine.reader import Reader
from .token_expiry import expires_within


class PersonalAccessTokenReader(Reader):
    """Reads personal access tokens."""

    def get_info(self, params: Params) -> Row:
        """Return the tokens that match all options."""
        tokens = super().get_info(params)[self.kind.plural]
        days = params["expiring_within"]
        return {
            self.kind.plural: [each for each in tokens if days is None or expires_within(each["expires"], days)],
        }
