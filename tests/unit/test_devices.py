"""A session is known by browser and system; of what else a browser says nothing is kept."""

import pytest

from api import devices

ANDROID = "Mozilla/5.0 (Linux; Android 14; SM-A057F Build/UP1A) AppleWebKit/537.36"
IPHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15"
WINDOWS = "Mozilla/5.0 (Windows NT 10.0; Win64; x64)"


@pytest.mark.parametrize(
    ("said", "label"),
    [
        (f"{ANDROID} (KHTML, like Gecko) Chrome/130.0.0.0 Mobile Safari/537.36", "Chrome, Android"),
        (f"{ANDROID} SamsungBrowser/26.0 Chrome/122 Mobile Safari/537.36",
         "Samsung Internet, Android"),
        (f"{IPHONE} Version/17.5 Mobile/15E148 Safari/604.1", "Safari, iPhone"),
        (f"{IPHONE} FxiOS/130.0 Mobile/15E148 Safari/604.1", "Firefox, iPhone"),
        (f"{WINDOWS} AppleWebKit/537.36 Chrome/130 Safari/537.36 Edg/130.0", "Edge, Windows"),
        (f"{WINDOWS}; rv:131.0) Gecko/20100101 Firefox/131.0", "Firefox, Windows"),
        ("Mozilla/5.0 (X11; Linux x86_64) Gecko Firefox/115.0", "Firefox, Linux"),
        ("Opera Mini", ""),
        ("curl/8.5.0", ""),
        ("", ""),
        ("<script>Firefox</script> Windows", "Firefox, Windows"),
    ],
)  # fmt: skip
def test_browser_and_system_in_fixed_words(said, label):
    assert devices.label(said) == label


def test_no_label_is_longer_than_its_column():
    longest = [max((name for _, name in marks), key=len) for marks in
               (devices.BROWSERS, devices.SYSTEMS)]  # fmt: skip
    assert len(", ".join(longest)) <= 64
