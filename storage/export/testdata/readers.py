"""Opens an export of everything with the programs that its formats are made for, and holds what they read against the label maps.

    readers.py all.zip
"""

import csv
import hashlib
import io
import json
import sys
import tempfile
import uuid
import zipfile
from pathlib import Path

import cv2
import numpy as np
import openpyxl
import roifile
import shapely
import tifffile
from pycocotools import mask as coco_mask
from pycocotools.coco import COCO

YOLO_ERROR = 0.02  # of the pixels of an object
failures = []


def check(right, what):
    if not right:
        failures.append(what)


def pixels_within(geometry, box):
    """Which pixels of box (x0, y0, x1, y1) have their centre within a geometry along pixel corners."""
    x0, y0, x1, y1 = box
    y, x = np.mgrid[y0:y1, x0:x1]
    shapely.prepare(geometry)
    return shapely.contains_xy(geometry, x.ravel() + 0.5, y.ravel() + 0.5).reshape(x.shape)


def box_of(labels, number):
    y, x = np.nonzero(labels == number)
    return x.min(), y.min(), x.max() + 1, y.max() + 1


def same(geometry, labels, number, what):
    """The geometry holds exactly the pixels of the object: as many as its area says, and those within its box."""
    x0, y0, x1, y1 = box = box_of(labels, number)
    check(np.array_equal(pixels_within(geometry, box), labels[y0:y1, x0:x1] == number), f"{what}: other pixels")
    check(geometry.area == np.count_nonzero(labels == number), f"{what}: area {geometry.area}")


def digest(labels):
    """By what a receipt knows a label map again, as docs/exports.md has it."""
    flat = labels.ravel()
    begins = np.flatnonzero(np.r_[True, flat[1:] != flat[:-1]])
    runs = np.stack([np.diff(np.r_[begins, flat.size]), flat[begins]], axis=1)
    numbers = np.r_[labels.shape[1], labels.shape[0], runs.ravel()]
    return hashlib.sha256(numbers.astype("<u8").tobytes()).hexdigest()


def read_geojson(data, labels, stem):
    collection = json.loads(data)
    check(collection["type"] == "FeatureCollection", f"{stem}: {collection['type']}")
    features = collection["features"]
    ids = {str(uuid.UUID(f["id"])) for f in features}
    check(len(ids) == len(features) == len(np.unique(labels[labels > 0])), f"{stem}: {len(features)} features, {len(ids)} ids")
    for f in features:
        geometry, number = shapely.geometry.shape(f["geometry"]), int(f["properties"]["name"])
        check(geometry.is_valid, f"{stem} {number}: {shapely.is_valid_reason(geometry)}")
        same(geometry, labels, number, f"geojson {stem} {number}")
        check({"c", "z", "t"} == set(f["geometry"]["plane"]), f"{stem} {number}: no plane")
        check(f["properties"]["objectType"] == "annotation", f"{stem} {number}: no annotation")
        area = next(v for k, v in f["properties"]["measurements"].items() if k.startswith("Area "))
        check(area > 0, f"{stem} {number}: area {area}")


def read_imagej(data, labels, stem, folder):
    path = folder / "RoiSet.zip"
    path.write_bytes(data)
    rois = roifile.roiread(path) if len(np.unique(labels)) > 1 else []
    check(len(rois) == len(np.unique(labels[labels > 0])), f"imagej {stem}: {len(rois)} ROIs")
    for roi in rois:
        rings = roi.coordinates(multi=True) if roi.composite else [roi.coordinates()]
        geometry = shapely.Polygon()
        for ring in rings:
            geometry = geometry.symmetric_difference(shapely.Polygon(ring))  # the even-odd rule
        same(geometry, labels, int(roi.name), f"imagej {stem} {roi.name}")
        check((roi.left, roi.top, roi.right, roi.bottom) == box_of(labels, int(roi.name)), f"imagej {stem} {roi.name}: box")


def read_yolo(text, labels, stem):
    """As Ultralytics does: polygons times the size of the image, cut to whole pixels, drawn by fillPoly."""
    height, width = labels.shape
    worst, numbers = 0.0, np.unique(labels[labels > 0])
    lines = text.splitlines()
    check(len(lines) == len(numbers), f"yolo {stem}: {len(lines)} lines")
    for number, line in zip(numbers, lines):
        points = np.array(line.split()[1:], float).reshape(-1, 2)
        check(len(points) >= 3 and points.min() >= 0 and points.max() <= 1, f"yolo {stem} {number}: {len(points)} points")
        drawn = cv2.fillPoly(np.zeros(labels.shape, np.uint8), [(points * [width, height]).astype(np.int32)], 1)
        wrong = np.count_nonzero((drawn == 1) != (labels == number)) / np.count_nonzero(labels == number)
        check(wrong <= YOLO_ERROR, f"yolo {stem} {number}: {wrong:.1%} of the pixels differ")
        worst = max(worst, wrong)
    return worst


def read_coco(path, labels):
    coco = COCO(path)
    stems = dict(zip(coco.getImgIds(), labels))  # both in the order of the pictures
    for image, stem in stems.items():
        annotations = coco.loadAnns(coco.getAnnIds(imgIds=[image]))
        numbers = np.unique(labels[stem][labels[stem] > 0])
        check(len(annotations) == len(numbers), f"coco {stem}: {len(annotations)} annotations")
        for number, annotation in zip(numbers, annotations):
            encoded = coco.annToRLE(annotation)
            check(np.array_equal(coco_mask.decode(encoded) == 1, labels[stem] == number), f"coco {stem} {number}: other pixels")
            check(coco_mask.area(encoded) == annotation["area"], f"coco {stem} {number}: area {annotation['area']}")
            check(list(coco_mask.toBbox(encoded)) == annotation["bbox"], f"coco {stem} {number}: box {annotation['bbox']}")


def read_tables(csv_text, xlsx_data, labels):
    areas = [int(n) for picture in labels.values() for n in np.unique(picture[picture > 0], return_counts=True)[1]]
    rows = list(csv.DictReader(io.StringIO(csv_text)))
    check([int(float(r["area_px"])) for r in rows] == areas, "csv: other areas")
    for row in rows:
        check(None not in row and None not in row.values(), f"csv: a row of another length: {row}")
        check(not row["image"].startswith(("=", "+", "-", "@")), f"csv: a formula: {row['image']}")
    book = openpyxl.load_workbook(io.BytesIO(xlsx_data))
    check(book.sheetnames == ["objects", "images", "columns"], f"xlsx: sheets {book.sheetnames}")
    head, *cells = book["objects"].iter_rows()
    names = [c.value for c in head]
    check([int(r[names.index("area_px")].value) for r in cells] == areas, "xlsx: other areas")
    check(names == list(rows[0]), "xlsx: other columns than csv") if rows else None
    check(all(c.data_type != "f" for sheet in book for row in sheet.iter_rows() for c in row), "xlsx: a formula")
    explained = {(r[0].value, r[1].value) for r in book["columns"].iter_rows(min_row=2)}
    for name in ("objects", "images"):
        for c in next(book[name].iter_rows(max_row=1)):
            check((name, c.value) in explained, f"xlsx: column {c.value} of {name} is not explained")
    check(book["images"].max_row == len(labels) + 1, f"xlsx: {book['images'].max_row} rows of images")


def read_images(text, labels):
    rows = {r["name"].removeprefix("'"): int(r["count"]) for r in csv.DictReader(io.StringIO(text))}
    counts = {stem: len(np.unique(picture[picture > 0])) for stem, picture in labels.items()}
    check(rows == counts, f"images.csv: {rows}, not {counts}")


def main(path):
    archive = zipfile.ZipFile(path)
    check(archive.testzip() is None, "the archive is damaged")
    names = archive.namelist()
    check(len({n.lower() for n in names}) == len(names), "two files share a name")
    for name in names:
        check(not name.startswith("/") and ".." not in name.split("/") and "\\" not in name and "\0" not in name, f"unsafe name {name!r}")
    stems = [n[len("labels/") : -len(".tif")] for n in names if n.startswith("labels/")]
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        labels = {}
        for stem in stems:
            data = archive.read(f"labels/{stem}.tif")
            with tifffile.TiffFile(io.BytesIO(data)) as file:
                labels[stem] = picture = file.asarray()
                receipt = json.loads(file.imagej_metadata["seghub_receipt"])
            check(receipt == json.loads(archive.read(f"receipts/{stem}.json")), f"labels {stem}: another receipt")
            check(receipt["labels"] == {"form": 1, "sha256": digest(picture)}, f"labels {stem}: its digest is not the receipt's")
            drawn = cv2.imdecode(np.frombuffer(archive.read(f"masks/{stem}.png"), np.uint8), cv2.IMREAD_UNCHANGED)
            check(np.array_equal(drawn > 0, picture > 0), f"masks {stem}: other pixels")
            read_geojson(archive.read(f"geojson/{stem}.geojson"), picture, stem)
            read_imagej(archive.read(f"imagej/{stem}.RoiSet.zip"), picture, stem, folder)
            check("options" in json.loads(archive.read(f"receipts/{stem}.json")), f"receipts {stem}: no options")
        worst = max((read_yolo(archive.read(f"yolo/labels/{s}.txt").decode(), labels[s], s) for s in stems), default=0)
        check(b"names:" in archive.read("yolo/data.yaml"), "yolo: no names")
        coco = folder / "coco.json"
        coco.write_bytes(archive.read("results.coco.json"))
        read_coco(str(coco), labels)
        read_images(archive.read("results.images.csv").decode(), labels)
        read_tables(archive.read("results.csv").decode(), archive.read("results.xlsx"), labels)
    objects = sum(len(np.unique(v[v > 0])) for v in labels.values())
    print(f"{objects} objects of {len(labels)} images; fillPoly draws them within {worst:.2%}")
    for failure in failures[:20]:
        print(failure)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
