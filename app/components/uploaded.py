"""What file inputs share: they hand over uploads, and bundled examples, and no other file of the server."""

from __future__ import annotations

from pathlib import Path

from gradio.components.base import Component
from gradio_client.utils import is_http_url_like

from app.session import plain_error
from app.uploads import REFUSED, NotUploaded, uploaded_file


class UploadedOnly(Component):
    """A mixin that stands before one of gradio's file inputs among the bases.

    gradio takes any path of the server from a request without `meta`, and fetches web addresses: neither passes here.
    """

    folders: list[Path]
    """Files in these may be named beside uploads."""
    refused = "No file"
    """What stands above a refusal."""

    async def async_move_resource_to_block_cache(self, url_or_file_path: str | Path | None) -> str | None:
        """Move the file as gradio does before `preprocess`, but fetch no web address.

        Args:
            url_or_file_path: As it stands in the request.

        Raises:
            gr.Error: It is a web address.
        """
        if is_http_url_like(str(url_or_file_path)):
            raise plain_error(REFUSED, self.refused)
        return await super().async_move_resource_to_block_cache(url_or_file_path)

    def checked(self, path: str | None) -> Path:
        """Give the file behind a request's path.

        Args:
            path: As it stands in the request.

        Raises:
            gr.Error: It is no upload and no example.
        """
        try:
            return uploaded_file(path, self.folders)
        except NotUploaded as error:
            raise plain_error(error, self.refused) from error
