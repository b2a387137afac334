"""An unknown name is reported with the nearest known one."""

import pytest

from extract.family import UnknownModel, encoder_named

NO_NETWORK = "no network of torchvision for frames is called"


@pytest.mark.parametrize(
    ("name", "match"),
    [
        ("timm:test_vitt", "no model of timm is called 'test_vitt'; did you mean test_vit"),
        ("timm:test_vit.imagenet", "no weights of test_vit is called 'imagenet'"),
        ("torchvision:resnet51", f"{NO_NETWORK} 'resnet51'; did you mean resn"),
        ("torchvision:resnet50:V3", "no file and no weights of resnet50 is called 'V3'"),
        ("torchvision:r2plus1d_18", f"{NO_NETWORK} 'r2plus1d_18'"),
    ],
)
def test_an_unknown_name_is_reported_with_the_nearest(name, match):
    with pytest.raises(UnknownModel, match=match):
        encoder_named(name, reads="frames")
