"""Turns a pair into a crop that no microscope took but one might have."""

import math
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image, ImageDraw
from scipy import ndimage

from .architectures.preparation import levels, roots
from .flows import UNIT, Objects
from .images import Pair, stretch
from .noise import smooth_noise
from .synth import jpeg

VARIANCE_FLOOR = 1.0  # grey levels squared; as in preparation.standardise

# How much of red, green and blue a dye takes, in parts of its optical density (Ruifrok and Johnston 2001, Anal. Quant. Cytol.
# Histol.): haematoxylin, which nuclei take up, and eosin, which stains what is around them.
HAEMATOXYLIN = (0.65, 0.70, 0.29)
EOSIN = (0.07, 0.99, 0.11)


@dataclass(frozen=True)
class Window:
    """Where each pixel of a crop lies in its picture: turned, flipped, scaled, squeezed and bent."""

    scale: float       # pixels of the crop for one of the picture
    x: np.ndarray      # float32 [side, side], in pixels from the picture's left edge, not from a pixel's middle
    y: np.ndarray
    mirrored: bool     # what lies beyond the picture is its mirror image, else its edge repeated

    def inside(self, height: int, width: int) -> np.ndarray:
        """bool [side, side]: where the crop shows the picture itself."""
        return (self.x >= 0) & (self.x < width) & (self.y >= 0) & (self.y < height)


def crop(pair: Pair, side: int, zoom: tuple[float, float], scaling: str, rng: np.random.Generator
         ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(image, target, weight), float32: the image [channels, side, side] as `preparation.prepare` makes it,
    standardised or stretched by what the whole picture is like; the part of each pixel that is of an object, [1,
    side, side], or where the pair has objects one by one their mask and their flow, [3, side, side]; and [1, side, side],
    0 where the loss must not look, because the picture was continued there."""
    image, target = pair.image, pair.target
    if rng.random() < 0.08:
        image, target = lint(image, target, rng)
    if image.shape[2] == 3:
        image = stain(image, rng)
    image = tones(image, rng)
    if scaling == "native":
        image, mean, deviation = stretch(image), 127.5, 64.0
    else:
        mean, deviation = statistics(image)
    window = place(image.shape[:2], side, zoom, rng, pair.objects)
    weight = window.inside(*image.shape[:2]) | window.mirrored
    image, target = sample(window, image, target)
    if pair.objects:
        flow, whole = flow_in(window, pair.objects)
        target, weight = np.concatenate([target, flow * (target > 0.5)]), weight & whole
    image = optics((image - mean) / deviation, rng)
    shown = np.clip(image * deviation + mean, 0, 255)
    if scaling == "native" and rng.random() < 0.25:
        shown = photons(shown, rng)
    seen = [levels(shown), roots(shown)] if scaling == "native" else [image, levels(shown)]
    return np.concatenate(seen).astype(np.float32), target.astype(np.float32), weight.astype(np.float32)[None]


def tones(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """The picture with another gamma or contrast, in few levels, inverted, or with JPEG blocks; float32."""
    if rng.random() < 0.15:
        image = jpeg(image, int(rng.integers(20, 80)))
    level = np.linspace(0, 1, 256, dtype=np.float32)
    if rng.random() < 0.5:
        level = level ** np.float32(math.exp(rng.uniform(-0.7, 0.7)))
    if rng.random() < 0.2:  # an exposure that clips
        low, high = rng.uniform(0, 0.1), rng.uniform(0.85, 1)
        level = np.clip((level - low) / (high - low), 0, 1)
    if rng.random() < 0.1:  # a corner of 16 bits, or a dim lamp: few levels, far apart once they are stretched
        steps = rng.integers(12, 100)
        level = np.round(level * steps) / steps
    if rng.random() < 0.08:
        level = 1 - level
    return (255 * level)[image]


def stain(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A picture of three channels as grey, as a dye in its colour, stained more, less and in other hues, as a section that is
    stained with two dyes, or as one whose nuclei shine."""
    kind = rng.random()
    if kind < 0.2:
        grey = np.asarray(Image.fromarray(image).convert("L"))
        return np.repeat(grey[..., None], 3, axis=2)
    if np.ptp(image.astype(np.int16), axis=2).max() == 0:
        if kind < 0.35 and image.mean() < 100:
            return section(stretch(image[..., 0]) / 255, rng)
        if kind < 0.85:
            return image
        tint = np.where(np.arange(3) == rng.integers(3), 1, rng.uniform(0, 0.5, 3))
        return (image * tint).astype(np.uint8)
    # Dyes absorb: what they take of the light multiplies (Beer and Lambert), so that its logarithm adds up.
    absorbed = -np.log((image.astype(np.float32) + 1) / 256)
    if kind < 0.35:
        density = absorbed.mean(axis=2)
        ground, most = np.percentile(density, (15, 99.5))
        return section(np.clip((density - ground) / max(most - ground, 0.3), 0, 1), rng)
    if kind < 0.6:
        return glow(absorbed, rng)
    mix = (np.eye(3) + rng.normal(0, 0.12, (3, 3))) * np.exp(rng.normal(0, 0.25, 3)) * math.exp(rng.normal(0, 0.3))
    return np.clip(256 * np.exp(-absorbed @ mix.astype(np.float32)) - 1, 0, 255).astype(np.uint8)


def section(nuclear: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """uint8 [H, W, 3]: a stained section in transmitted light whose nuclei are as dense as `nuclear` says, 0..1 [H, W], in tissue
    that never was (as Giacomelli et al. 2016, PLoS ONE, stain fluorescence, which has the tissue itself)."""
    height, width = nuclear.shape
    side = max(height, width)

    def grains(scale: float) -> np.ndarray:
        return smooth_noise(rng, side, scale)[:height, :width]

    tissue = 0.6 + 0.5 * grains(side * rng.uniform(0.1, 0.6)) + rng.uniform(0, 0.3) * grains(rng.uniform(2, 12))
    tissue = np.clip(tissue, 0, None) * rng.uniform(0, 0.9) * (1 - rng.uniform(0, 0.8) * nuclear)
    nuclear = nuclear ** math.exp(rng.normal(0, 0.3)) * rng.uniform(0.6, 2)
    dyes = np.abs(np.array([HAEMATOXYLIN, EOSIN]) + rng.normal(0, 0.12, (2, 3)))
    light = rng.uniform(190, 255) * rng.uniform(0.85, 1, 3)
    absorbed = np.stack([nuclear, tissue], axis=-1) @ dyes
    return np.clip(light * np.exp(-absorbed), 0, 255).astype(np.uint8)


def glow(absorbed: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """uint8 [H, W, 3], grey: a stained section as if its nuclei shone on a dark ground, some dimmer than others for their depth,
    in the light of those that are out of focus. `absorbed` is the section's optical density, [H, W, 3]."""
    # Haematoxylin takes red, eosin hardly: see HAEMATOXYLIN and EOSIN.
    density = absorbed @ rng.dirichlet((6, 1.5, 0.5))
    ground, most = np.percentile(density, (rng.uniform(10, 40), 99.5))
    nuclear = np.clip((density - ground) / max(most - ground, 0.2), 0, 1.2) ** math.exp(rng.normal(0, 0.4))
    nuclear = ndimage.gaussian_filter(nuclear, rng.uniform(0.5, 2.5))
    height, width = nuclear.shape
    side = max(height, width)
    for scale in (side * rng.uniform(0.1, 0.5), rng.uniform(8, 25)):
        depth = smooth_noise(rng, side, scale)[:height, :width]
        nuclear = nuclear * np.exp(rng.uniform(0, 0.6) * depth)
    haze = ndimage.gaussian_filter(nuclear, rng.uniform(6, 30))
    shone = nuclear + rng.uniform(0, 0.6) * haze + rng.uniform(0, 0.1)
    return np.repeat(np.clip(255 * shone / np.percentile(shone, 99.9), 0, 255).astype(np.uint8)[..., None], 3, axis=2)


def statistics(image: np.ndarray) -> tuple[float, float]:
    """Mean and deviation of the picture continued to a square, as the fit continues it and the model sees it."""
    sample = square(image[::3, ::3])
    return float(sample.mean()), math.sqrt(float(sample.var()) + VARIANCE_FLOOR)


def square(pixels: np.ndarray) -> np.ndarray:
    """The picture continued by its last row or column to a square, as the fit continues it."""
    height, width = pixels.shape[:2]
    side = max(height, width)
    return np.pad(pixels, ((0, side - height), (0, side - width), (0, 0)), mode="edge")


def lint(image: np.ndarray, target: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """A hair or a shred across the picture, brighter or darker than all else; nothing under it is object."""
    height, width = image.shape[:2]
    canvas = Image.new("L", (width, height))
    ends = rng.uniform(-0.2, 1.2, (3, 2)) * (width, height)
    thick = int(rng.uniform(2, 0.12 * min(width, height)))
    ImageDraw.Draw(canvas).line([tuple(end) for end in ends], fill=255, width=thick, joint="curve")
    cover = ndimage.gaussian_filter(np.asarray(canvas, np.float32) / 255, rng.uniform(0.5, 3))[..., None]
    level = rng.uniform(float(image.max()), 255) if rng.random() < 0.6 else rng.uniform(0, float(image.min()) + 1)
    covered = (1 - cover) * image + cover * level
    return covered.astype(np.uint8), np.where(cover > 0.5, 0, target).astype(np.uint8)


def place(size: tuple[int, int], side: int, zoom: tuple[float, float], rng: np.random.Generator,
          objects: Objects | None = None) -> Window:
    """A window on a picture of that height and width; if objects are given, half of the time where two of them meet."""
    height, width = size
    scale = math.exp(rng.uniform(math.log(zoom[0]), math.log(zoom[1])))
    angle = rng.choice([0, 0.5, 1, 1.5]) * math.pi + (rng.uniform(-0.6, 0.6) if rng.random() < 0.6 else 0)
    narrower = math.exp(rng.normal(0, 0.06))
    across, down = 1 / (scale * narrower), narrower / scale
    turn = np.array([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]])
    turn = turn @ np.diag([across * rng.choice([-1, 1]), down])
    reach = np.minimum(np.array([width, height]) / 2, side / scale / 2)
    centre = rng.uniform(reach, np.array([width, height]) - reach)
    if objects and len(objects.meetings) > 0 and rng.random() < 0.5:
        meeting = objects.meetings[rng.integers(len(objects.meetings))][::-1] + rng.normal(0, side / scale / 6, 2)
        centre = np.clip(meeting, reach, np.array([width, height]) - reach)

    ys, xs = np.mgrid[:side, :side].astype(np.float32) - (side - 1) / 2
    bend = rng.uniform(0, 6) if rng.random() < 0.3 else 0
    if bend:
        xs = xs + bend * smooth_noise(rng, side, side / 3)
        ys = ys + bend * smooth_noise(rng, side, side / 3)
    x = centre[0] + turn[0, 0] * xs + turn[0, 1] * ys
    y = centre[1] + turn[1, 0] * xs + turn[1, 1] * ys
    # The hub repeats the edge; a mirror shows more objects, of which small pictures have few.
    return Window(scale, x, y, mirrored=rng.random() < (0.75 if objects else 0.5))


def sample(window: Window, image: np.ndarray, target: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """What the window shows of image and target, [H, W, C] each, in a single resampling: [C, side, side]; the target 0..1."""
    height, width = image.shape[:2]
    layers = np.concatenate([image, target], axis=2).transpose(2, 0, 1).astype(np.float32)
    if window.scale < 0.75:  # what shrinks is smoothed first, as the fit smooths
        layers = ndimage.gaussian_filter(layers, (0, 0.4 / window.scale, 0.4 / window.scale))
    grid = np.stack([2 * window.x / width - 1, 2 * window.y / height - 1], axis=-1).astype(np.float32)
    sampled = F.grid_sample(torch.from_numpy(layers)[None], torch.from_numpy(grid)[None], mode="bilinear",
                            align_corners=False, padding_mode="reflection" if window.mirrored else "border")[0].numpy()
    channels = image.shape[2]
    return sampled[:channels], np.clip(sampled[channels:] / 255, 0, 1)


def flow_in(window: Window, objects: Objects) -> tuple[np.ndarray, np.ndarray]:
    """float32 [2, side, side]: the objects' flow as the window shows it, down and right, of length 1 or 0; and bool [side,
    side], false on objects that the picture's edge cuts where they are seen in a mirror, which gives them two middles.

    Between pixels the flow is bilinear over those of one object; then it turns as the window's own directions do, which
    the inverse of the window's Jacobian tells.
    """
    height, width = objects.labels.shape
    y, y_way = folded(window.y, height)
    x, x_way = folded(window.x, width)
    owner = objects.labels[np.minimum(y.astype(int), height - 1), np.minimum(x.astype(int), width - 1)]
    inside = owner > 0
    own, y, x = owner[inside], y[inside], x[inside]
    top, left = np.floor(y - 0.5).astype(int), np.floor(x - 0.5).astype(int)
    low, far = y - 0.5 - top, x - 0.5 - left
    flow = np.zeros((2, len(own)), np.float32)
    for row, across in ((top, 1 - low), (top + 1, low)):
        for column, along in ((left, 1 - far), (left + 1, far)):
            at = np.clip(row, 0, height - 1), np.clip(column, 0, width - 1)
            part = np.where(objects.labels[at] == own, across * along, 0) / UNIT
            flow += part * objects.flow[at].T
    y_down, y_right = ((slope * y_way)[inside] for slope in np.gradient(window.y))
    x_down, x_right = ((slope * x_way)[inside] for slope in np.gradient(window.x))
    side = np.sign(y_down * x_right - y_right * x_down)
    turned = np.stack([x_right * flow[0] - y_right * flow[1], y_down * flow[1] - x_down * flow[0]]) * side
    length = np.hypot(*turned)
    flow = np.zeros((2, *owner.shape), np.float32)
    flow[:, inside] = np.where(length > 0, turned / np.maximum(length, 1e-6), 0)
    mirror = window.mirrored and not window.inside(height, width).all()
    whole = ~(mirror & np.isin(owner, objects.cut))
    return flow, whole


def folded(places: np.ndarray, length: int) -> tuple[np.ndarray, np.ndarray]:
    """Places on an axis of that length as its mirror images repeat it; and whether they run forwards, 1, or back, -1."""
    round_trip = np.mod(places, 2 * length)
    back = round_trip > length
    return np.where(back, 2 * length - round_trip, round_trip), np.where(back, -1, 1)


def photons(shown: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Levels 0..255 counted in few photons: noise that grows with the root of the light, as a dim camera's does."""
    most = math.exp(rng.uniform(math.log(8), math.log(200)))  # photons at level 255
    return np.clip(rng.poisson(shown * (most / 255)).astype(np.float32) * (255 / most), 0, 255)


def optics(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Light, focus, noise and gain of another instrument, on a standardised picture [C, side, side]."""
    side = image.shape[-1]
    if rng.random() < 0.35:
        sigma = rng.uniform(0.3, 1.8)
        image = ndimage.gaussian_filter(image, (0, sigma, sigma))
    if rng.random() < 0.4:
        image = image + rng.uniform(0, 0.35) * smooth_noise(rng, side, side * rng.uniform(0.5, 1))
    if rng.random() < 0.4:
        image = image + rng.uniform(0, 0.25) * rng.standard_normal(image.shape, dtype=np.float32)
    return (image * math.exp(rng.normal(0, 0.12)) + rng.normal(0, 0.12)).astype(np.float32)
