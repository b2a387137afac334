"""Scenes of the demo clips: each is drawn by a function, and has captions."""

from __future__ import annotations

import math
from collections.abc import Callable

import cv2
import numpy as np

Frame = np.ndarray  # (H, W, 3) uint8 RGB
Draw = Callable[[np.random.Generator], Callable[[float], Frame]]  # from seconds to a frame

WIDTH, HEIGHT = 192, 336
SCENES: dict[str, tuple[Draw, tuple[str, ...]]] = {}  # by name: its drawing, and its captions


def scene(*captions: str) -> Callable[[Draw], Draw]:
    """Add a drawing to the scenes."""

    def add(draw: Draw) -> Draw:
        SCENES[draw.__name__] = draw, captions
        return draw

    return add


def gradient(top: tuple[int, int, int], bottom: tuple[int, int, int]) -> Frame:
    """Return a vertical gradient that fills the frame."""
    share = np.linspace(0, 1, HEIGHT)[:, None, None]
    rows = (1 - share) * np.array(top) + share * np.array(bottom)
    return np.repeat(rows, WIDTH, axis=1).astype(np.uint8)


@scene("Waves rolling onto the beach", "The sea on a calm morning", "Surf by the bay")
def sea(rng: np.random.Generator) -> Callable[[float], Frame]:
    """Waves that roll in under a pale sky."""
    sky = gradient((150, 205, 240), (225, 240, 245))
    phases, horizon = rng.uniform(0, 6.28, 6), rng.uniform(0.3, 0.45)
    x = np.arange(WIDTH)

    def at(t: float) -> Frame:
        frame = sky.copy()
        for layer, phase in enumerate(phases):
            depth = layer / len(phases)
            crest = HEIGHT * (horizon + 0.6 * depth) + (4 + 9 * depth) * np.sin(
                x / (14 + 16 * depth) + phase + t * (1.2 + depth)
            )
            colour = (int(20 + 30 * depth), int(90 + 70 * depth), int(150 + 50 * depth))
            shore = np.stack([x, crest], axis=1).round().astype(np.int32)
            outline = np.vstack([shore, [[WIDTH, HEIGHT], [0, HEIGHT]]]).astype(np.int32)
            cv2.fillPoly(frame, [outline], colour)
            cv2.polylines(frame, [shore], False, (235, 245, 250), 2, cv2.LINE_AA)
        return frame

    return at


@scene("A campfire at night", "Flames over glowing logs")
def campfire(rng: np.random.Generator) -> Callable[[float], Frame]:
    """Flames that flicker over logs in the dark."""
    night, seeds = gradient((8, 8, 22), (38, 22, 14)), rng.uniform(0, 6.28, (14, 3))

    def at(t: float) -> Frame:
        frame = night.copy()
        for index, (a, b, c) in enumerate(seeds):
            height = 60 + 55 * (0.5 + 0.5 * math.sin(7 * t + a)) * (1 - index / 20)
            x = WIDTH / 2 + 34 * math.sin(b + 2.3 * t) * (index / 14)
            colour = (255, int(70 + 150 * index / 14), int(20 + 60 * (index > 10)))
            base = HEIGHT * 0.78
            tip = (x + 9 * math.sin(5 * t + c), base - height)
            flame = np.array([[x - 22 + index, base], tip, [x + 22 - index, base]], np.int32)
            cv2.fillPoly(frame, [flame], colour, cv2.LINE_AA)
        for slope in (-14, 14):
            ends = (WIDTH // 2 - 60, 268 - slope), (WIDTH // 2 + 60, 268 + slope)
            cv2.line(frame, *ends, (88, 52, 28), 15, cv2.LINE_AA)
        return frame

    return at


@scene("Snow falling on fir trees", "First snow in the forest")
def snow(rng: np.random.Generator) -> Callable[[float], Frame]:
    """Snow that falls on fir trees at dusk."""
    dusk = gradient((60, 70, 110), (170, 180, 205))
    cv2.rectangle(dusk, (0, 270), (WIDTH, HEIGHT), (240, 244, 250), -1)
    for x in rng.integers(10, WIDTH - 10, 5):
        for step in range(3):
            width, top = 30 - 6 * step, 250 - 38 * step
            tree = np.array([[x - width, top], [x, top - 58], [x + width, top]], np.int32)
            cv2.fillPoly(dusk, [tree], (28, 66 + 10 * step, 54), cv2.LINE_AA)
    flakes = rng.uniform(0, 1, (110, 3))

    def at(t: float) -> Frame:
        frame = dusk.copy()
        for x, y, size in flakes:
            left = (x * WIDTH + 10 * math.sin(t + 9 * size)) % WIDTH
            top = (y * HEIGHT + t * (35 + 60 * size)) % HEIGHT
            centre = (int(left), int(top))
            cv2.circle(frame, centre, int(1 + 3 * size), (255, 255, 255), -1, cv2.LINE_AA)
        return frame

    return at


@scene("Downtown traffic after dark", "City lights and skyscrapers")
def city(rng: np.random.Generator) -> Callable[[float], Frame]:
    """Lit towers at night, and traffic below."""
    night, left = gradient((12, 12, 40), (60, 34, 78)), 0
    while left < WIDTH:
        width, top = int(rng.integers(24, 46)), int(rng.integers(70, 190))
        cv2.rectangle(night, (left, top), (left + width, 280), (24, 24, 34), -1)
        for y in range(top + 8, 272, 13):
            for x in range(left + 5, left + width - 7, 10):
                if rng.random() < 0.6:
                    cv2.rectangle(night, (x, y), (x + 4, y + 6), (250, 214, 120), -1)
        left += width + 3
    cv2.rectangle(night, (0, 280), (WIDTH, HEIGHT), (42, 42, 48), -1)
    cars = rng.uniform(0, 1, (7, 2))

    def at(t: float) -> Frame:
        frame = night.copy()
        for x, speed in cars:
            forward = speed > 0.5
            position = x * WIDTH + (70 + 50 * speed) * t * (1 if forward else -1)
            centre = (int(position % WIDTH), 296 if forward else 318)
            cv2.ellipse(
                frame,
                centre,
                (13, 3),
                0,
                0,
                360,
                (255, 240, 190) if forward else (240, 40, 40),
                -1,
                cv2.LINE_AA,
            )
        return frame

    return at


@scene("A football bouncing on the pitch", "Ball control before the match")
def football(rng: np.random.Generator) -> Callable[[float], Frame]:
    """A ball that bounces on striped grass."""
    pitch = gradient((120, 190, 245), (190, 225, 250))
    for stripe in range(8):
        colour = (52, 142, 58) if stripe % 2 else (66, 164, 70)
        cv2.rectangle(pitch, (0, 170 + 21 * stripe), (WIDTH, 191 + 21 * stripe), colour, -1)
    cv2.rectangle(pitch, (46, 92), (146, 170), (250, 250, 250), 3)
    start, drift, spin = rng.uniform(30, 90), rng.uniform(18, 34), rng.uniform(3, 6)

    def at(t: float) -> Frame:
        frame = pitch.copy()
        x = int((start + drift * t) % WIDTH)
        y = int(292 - 130 * abs(math.sin(2.2 * t)))
        cv2.ellipse(frame, (x, 312), (20, 5), 0, 0, 360, (36, 100, 42), -1, cv2.LINE_AA)
        cv2.circle(frame, (x, y), 22, (252, 252, 252), -1, cv2.LINE_AA)
        for spot in range(5):
            angle = spin * t + spot * 2 * math.pi / 5
            centre = (int(x + 13 * math.cos(angle)), int(y + 13 * math.sin(angle)))
            cv2.circle(frame, centre, 5, (24, 24, 24), -1, cv2.LINE_AA)
        return frame

    return at


@scene("Fireworks over the hill", "Rockets bursting in the night sky")
def fireworks(rng: np.random.Generator) -> Callable[[float], Frame]:
    """Rockets that burst over a black hill."""
    night = gradient((4, 4, 20), (18, 16, 46))
    cv2.ellipse(night, (WIDTH // 2, HEIGHT + 30), (150, 90), 0, 0, 360, (2, 2, 6), -1)
    bursts = [
        (rng.uniform(0, 1.4), rng.integers(36, WIDTH - 36), rng.integers(60, 190), colour)
        for colour in ((255, 90, 80), (90, 220, 255), (255, 220, 90), (190, 120, 255))
    ]

    def at(t: float) -> Frame:
        frame = night.copy()
        for delay, x, y, colour in bursts:
            age = (t + delay) % 1.5
            fade = max(0.0, 1 - age / 1.5)
            for ray in range(22):
                angle = ray * 2 * math.pi / 22
                reach = 78 * (1 - math.exp(-3 * age))
                inner = 0.72 * reach
                ends = [
                    (
                        int(x + length * math.cos(angle)),
                        int(y + length * math.sin(angle) + 16 * age * age),
                    )
                    for length in (inner, reach)
                ]
                shade = tuple(int(value * fade) for value in colour)
                cv2.line(frame, ends[0], ends[1], shade, 2, cv2.LINE_AA)
        return frame

    return at


@scene("Goldfish in the aquarium", "Tropical fish and bubbles")
def aquarium(rng: np.random.Generator) -> Callable[[float], Frame]:
    """Fish that swim through rising bubbles."""
    water = gradient((16, 130, 150), (6, 46, 92))
    for x in range(8, WIDTH, 24):
        reed = np.array([[x, HEIGHT], [x + 8, 236 + (x * 7) % 40], [x + 12, HEIGHT]], np.int32)
        cv2.fillPoly(water, [reed], (30, 120, 70), cv2.LINE_AA)
    fish, bubbles = rng.uniform(0, 1, (7, 3)), rng.uniform(0, 1, (22, 3))

    def at(t: float) -> Frame:
        frame = water.copy()
        for x, y, hue in fish:
            direction = 1 if hue > 0.5 else -1
            position = (x * WIDTH + direction * (26 + 40 * y) * t) % (WIDTH + 40) - 20
            centre = int(position), int(50 + y * 210 + 6 * math.sin(3 * t + 8 * hue))
            colour = (255, int(90 + 140 * hue), int(30 + 60 * y))
            cv2.ellipse(frame, centre, (17, 9), 0, 0, 360, colour, -1, cv2.LINE_AA)
            back = centre[0] - direction * 15
            tail = [
                [back, centre[1]],
                [back - direction * 12, centre[1] - 9],
                [back - direction * 12, centre[1] + 9],
            ]
            cv2.fillPoly(frame, [np.array(tail, np.int32)], colour, cv2.LINE_AA)
            eye = (centre[0] + direction * 10, centre[1] - 2)
            cv2.circle(frame, eye, 2, (10, 10, 10), -1)
        for x, y, size in bubbles:
            height = int((y * HEIGHT - (30 + 40 * size) * t) % HEIGHT)
            centre = int(x * WIDTH + 4 * math.sin(4 * t + 9 * y)), height
            cv2.circle(frame, centre, int(2 + 5 * size), (190, 236, 245), 1, cv2.LINE_AA)
        return frame

    return at


@scene("Driving past desert dunes", "Sunset over the sand")
def desert(rng: np.random.Generator) -> Callable[[float], Frame]:
    """Dunes and a low sun that slide past the window of a car."""
    sky, phases = gradient((250, 130, 70), (255, 214, 140)), rng.uniform(0, 6.28, 3)
    cv2.circle(sky, (int(rng.integers(50, 140)), 120), 30, (255, 244, 190), -1, cv2.LINE_AA)
    x = np.arange(WIDTH)

    def at(t: float) -> Frame:
        frame = sky.copy()
        for layer, phase in enumerate(phases):
            offset = t * (8 + 26 * layer)
            crest = 170 + 48 * layer + (22 - 4 * layer) * np.sin((x + offset) / 33 + phase)
            outline = np.vstack(
                [np.stack([x, crest], axis=1), [[WIDTH, HEIGHT], [0, HEIGHT]]]
            ).astype(np.int32)
            colour = (226 - 40 * layer, 150 - 34 * layer, 82 - 20 * layer)
            cv2.fillPoly(frame, [outline], colour)
        return frame

    return at
