"""A bounded cursor over untrusted bytes."""

from __future__ import annotations

from vqzip.errors import LimitExceeded, Truncated

MAX_VARINT_BYTES = 5
LARGEST_VARINT = (1 << 7 * MAX_VARINT_BYTES) - 1


class Reader:
    """A cursor that never passes the end.

    Args:
        data: the bytes to read.

    Attributes:
        offset: where the next read starts.
        end: where reading must stop; initially the end of the data.
    """

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.offset = 0
        self.end = len(data)

    @property
    def left(self) -> int:
        """Bytes from the cursor to the end."""
        return self.end - self.offset

    def take(self, count: int, what: str) -> bytes:
        """Return the next `count` bytes and move past them.

        Raises:
            Truncated: fewer bytes are left; nothing was copied.
        """
        if count > self.left:
            raise Truncated(
                f"the file is truncated: {what} needs {count} more byte(s), but {self.left} are left; "
                "download the file again.",
                offset=self.offset,
            )
        self.offset += count
        return self.data[self.offset - count : self.offset]

    def varint(self, what: str, limit: int) -> int:
        """Return the next LEB128 integer and move past it.

        Raises:
            Truncated: the data ends inside it.
            LimitExceeded: it is above `limit`, or not in its shortest form.
        """
        start = self.offset
        value = 0
        for place in range(MAX_VARINT_BYTES):
            byte = self.take(1, what)[0]
            value |= (byte & 0x7F) << 7 * place
            if byte < 0x80:
                if byte == 0 and place:
                    break
                if value > limit:
                    raise LimitExceeded(
                        f"{what} is {value}, more than the format's {limit}; "
                        "the file is damaged, download it again.",
                        offset=start,
                    )
                return value
        raise LimitExceeded(
            f"{what} is not a varint in its shortest form; the file is damaged, download it again.",
            offset=start,
        )
