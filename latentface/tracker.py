"""One face followed through the frames of a video or a camera: detected seldom and small, cut out without a wobble.

From frame to frame the face is moved by registration (registration.py), which is exact to a fraction of a pixel and
lags behind nothing. Every few frames two looks of the detector close up say where its landmarks are; they waver, so
only a share of what they say is taken over. On a face that stands still this comes to the mean of all looks: the crop
that `align` cuts.
"""

from dataclasses import dataclass

import numpy as np

from latentface.alignment import Alignment, cut_out
from latentface.crop import Box, standard_crop
from latentface.detection import LOOKS, Face, detect, look_again, look_around
from latentface.registration import Pose, Window, register

PATCH = 0.66
"""Half side of the square that is registered, in half sides of the standard crop: the inner face."""
EVERY = 3
"""Frames from one detection to the next."""
PAIRS = tuple(LOOKS[i : i + 2] for i in range(0, len(LOOKS), 2))
"""Looks that are taken by turns, each with its mirror image."""
SHARE = 0.12
"""Share of a detection that is taken over when it agrees with the landmarks that are known, ..."""
FAST_SHARE = 0.6
"""... and when it is as far off as FAR or more: the face has changed or registration has slipped."""
NEAR, FAR = 0.05, 0.16
"""Mean distance of landmarks in units of the registered square's half side: two looks waver by less than the first."""
ALIKE = 0.7
"""Correlation of one frame's patch with the next's below which the detector is asked at once."""
ONE = 0.25
"""Least overlap (intersection over union) of a face's box with the last one to be the same face after a search."""
SURVEY, SURVEY_SIDE = 15, 320
"""Every so many frames the whole picture is looked at once, at this size, for further faces."""
SEARCH_SIDE, THOROUGH = 512, 4
"""A lost face is searched for by one look at this size, which `detect` begins with too; every so many searches, by all
that `detect` tries, which takes ten times as long where there is no face."""
PATIENCE = 8
"""A lost face is searched for at once, then at growing distances of at most this many frames."""


@dataclass
class _Track:
    """What is known of the face."""

    pose: Pose
    """Of the registered square."""
    window: Window
    """Of the last frame, around it."""
    landmarks: np.ndarray
    """5 complex numbers in patch coordinates, low-passed."""
    box: np.ndarray
    """Centre and half extents of the face box: 2 complex numbers in patch coordinates."""
    confidence: float
    looks: int = 0
    """Detections so far."""


class Tracker:
    """Follows one face; give it the frames in their order.

    Args:
        size: side of the crops in pixels.
        face: which face to follow, counted from 0 by falling size in the first frame that has that many.
    """

    def __init__(self, size: int, face: int = 0):
        self.size, self._wanted = size, face
        self.others: tuple[Face, ...] = ()
        """Further faces that were seen when the whole picture was last looked at, by falling size."""
        self.lost = 0
        """Frames since the face was last seen; 0 while it is."""
        self.searches = 0
        """How often the whole picture was searched for the face."""
        self._track: _Track | None = None
        self._last: Face | None = None
        self._frame = 0
        self._search_at = 0

    def follow(self, frame: np.ndarray) -> Alignment | None:
        """Find the face in the next frame and cut it out as `align` does.

        Args:
            frame: uint8 H x W x 3, RGB.

        Returns:
            The crop; its `faces` are this one and the others. None where the face is not seen.
        """
        face = self.find(frame)
        return None if face is None else cut_out(frame, self.size, (face, *self.others))

    def find(self, frame: np.ndarray) -> Face | None:
        """Find the face in the next frame; see `follow`."""
        face = self._next(frame) if self._track is not None else None
        if face is None and self._frame >= self._search_at:
            face = self._search(frame)
        elif face is not None and self._frame % SURVEY == 0:
            self._survey(frame, face)
        self._frame += 1
        self.lost = 0 if face is not None else self.lost + 1
        if face is None:
            self._track = None
            if self._frame > self._search_at:
                self._search_at = self._frame + min(self.lost, PATIENCE) - 1
        else:
            self._last, self._search_at = face, 0
        return face

    def begin(self, frame: np.ndarray, face: Face, looks: int = 0) -> None:
        """Take up a face that is known in a frame, as after a break.

        Args:
            frame: uint8 H x W x 3, RGB.
            face: as `find` gave it there.
            looks: how many detections it has had; the next counts the less the more these were.
        """
        x, y, half = standard_crop(face.landmarks)
        pose = Pose(complex(x, y), PATCH * half * np.exp(1j * np.radians(face.roll)))
        corners = np.array(face.box).reshape(2, 2) @ np.array([1, 1j])
        box = np.array([pose.find(corners.mean()), (corners[1] - corners[0]) / 2 / abs(pose.scale)])
        points = pose.find(face.landmarks.astype(np.float64) @ np.array([1, 1j]))
        self._track = _Track(pose, Window(frame, pose), points, box, face.confidence, looks)
        self._last = face

    def _next(self, frame: np.ndarray) -> Face | None:
        """Move the face to the next frame, and look at it when it is time; None where it is gone."""
        track = self._track
        assert track is not None, "a face is followed"
        after = Window(frame, track.pose)
        pose, alike = register(track.window, track.pose, after)
        slipped = alike < ALIKE or not 0.7 < abs(pose.scale) / abs(track.pose.scale) < 1.4
        if not slipped:
            track.pose = pose
        if slipped or self._frame % EVERY == 0:
            seen = look_again(frame, _face(track), LOOKS if slipped else PAIRS[track.looks % len(PAIRS)])
            if seen is None and not slipped:
                seen = look_again(frame, _face(track))
            if seen is None:
                return None
            if slipped:
                self.begin(frame, seen)
                return seen
            _take_over(track, seen)
        face = _face(track)
        track.pose, track.window = _centred(track, face), after
        if not after.holds(track.pose):
            track.window = Window(frame, track.pose)
        return face

    def _search(self, frame: np.ndarray) -> Face | None:
        """Look for the face in the whole picture: the one it was last, else the one that was wanted."""
        self.searches += 1
        thorough = self._last is None or self.searches % THOROUGH == 0
        faces = detect(frame) if thorough or look_around(frame, SEARCH_SIDE) else []
        again = [face for face in faces if self._last is not None and _overlap(face.box, self._last.box) > ONE]
        if not faces or (self._last is None and self._wanted >= len(faces)):
            self.others = ()
            return None
        face = again[0] if again else faces[self._wanted if self._last is None else 0]
        self.others = tuple(other for other in faces if other is not face)
        try:
            self.begin(frame, face, looks=len(PAIRS))
        except ValueError:  # too small or unclear to place
            return None
        return face

    def _survey(self, frame: np.ndarray, face: Face) -> None:
        """Look for further faces."""
        seen = sorted(look_around(frame, SURVEY_SIDE), key=lambda other: other.area, reverse=True)
        self.others = tuple(other for other in seen if _overlap(other.box, face.box) < ONE)


def _face(track: _Track) -> Face:
    """Lay what is known of a face into the picture."""
    points = track.pose.place(track.landmarks)
    centre, reach = track.pose.place(track.box[:1])[0], track.box[1] * abs(track.pose.scale)
    low, high = centre - reach, centre + reach
    landmarks = np.stack([np.real(points), np.imag(points)], 1).astype(np.float32)
    return Face((low.real, low.imag, high.real, high.imag), track.confidence, landmarks)


def _take_over(track: _Track, seen: Face) -> None:
    """Move what is known of a face towards what the detector says, the more the less was known before."""
    points = track.pose.find(seen.landmarks.astype(np.float64) @ np.array([1, 1j]))
    corners = np.array(seen.box).reshape(2, 2) @ np.array([1, 1j])
    box = np.array([track.pose.find(corners.mean()), (corners[1] - corners[0]) / 2 / abs(track.pose.scale)])
    off = float(np.abs(points - track.landmarks).mean())
    far = min(1.0, max(0.0, (off - NEAR) / (FAR - NEAR)))
    track.looks += 1
    share = max(SHARE + far * (FAST_SHARE - SHARE), 1 / (1 + track.looks))
    track.landmarks = track.landmarks + share * (points - track.landmarks)
    track.box = track.box + share * (box - track.box)
    track.confidence += share * (seen.confidence - track.confidence)


def _centred(track: _Track, face: Face) -> Pose:
    """Lay the registered square where the face's crop is, for it has slid off a little; the face stays where it is."""
    x, y, half = standard_crop(face.landmarks)
    pose = Pose(complex(x, y), PATCH * half * np.exp(1j * np.radians(face.roll)))
    whole = track.pose.place(track.landmarks)
    centre, reach = track.pose.place(track.box[:1])[0], track.box[1] * abs(track.pose.scale)
    track.landmarks, track.box = pose.find(whole), np.array([pose.find(centre), reach / abs(pose.scale)])
    return pose


def _overlap(a: Box, b: Box) -> float:
    """Divide the intersection of two boxes by their union."""
    across = max(0.0, min(a[2], b[2]) - max(a[0], b[0]))
    down = max(0.0, min(a[3], b[3]) - max(a[1], b[1]))
    areas = sum((box[2] - box[0]) * (box[3] - box[1]) for box in (a, b))
    return across * down / max(areas - across * down, 1e-9)
