import pytest
from pydantic import ValidationError

from jarvisd.config import CloudConfig, Config, RemoteEngine
from jarvisd.config.cloud import is_outside
from jarvisd.config.faults import faults_in


def engine(**changes) -> RemoteEngine:
    return RemoteEngine(**{"kind": "remote", "url": "https://api.example.org/v1", "model": "m", **changes})


def test_the_cloud_is_off_by_default():
    assert not Config().cloud.allowed


@pytest.mark.parametrize(
    "url",
    ["http://localhost:8000/v1", "http://127.0.0.1/v1", "http://[::1]:8/v1", "http://10.1.2.3/v1", "http://192.168.1.9/v1",
     "http://172.31.0.1/v1", "http://[fd00::1]/v1", "http://gpu:8000/v1", "http://gpu.lan/v1", "http://gpu.home.arpa./v1"],
)  # fmt: skip
def test_addresses_inside(url):
    assert not is_outside(url)
    assert not engine(url=url).is_cloud
    assert engine(url=url, cloud=True).is_cloud


@pytest.mark.parametrize(
    "url",
    ["https://api.openai.com/v1", "http://100.64.0.1/v1", "http://172.32.0.1/v1", "http://[2001:db8::1]/v1", "http://0.0.0.0/v1",
     "http://192.168.1.3.example.com/v1", "http://gpu.lan.example.com/v1", "http://134744072/v1", "http://0x08080808/v1"],
)  # fmt: skip
def test_all_other_addresses_are_outside(url):
    assert is_outside(url)
    assert engine(url=url).is_cloud
    assert not engine(url=url, cloud=False).is_cloud


@pytest.mark.parametrize(
    ("table", "fault"),
    [
        ({"cloud": {"currency": "euro"}}, "cloud.currency: must be three capital letters, such as EUR or USD"),
        ({"cloud": {"day_limit": 9.0}}, "cloud.day_limit: must not be more than cloud.month_limit, which is 5"),
        ({"cloud": {"day_limit": -1.0}}, "cloud.day_limit: must be at least 0"),
        ({"cloud": {"alowed": True}}, "did you mean cloud.allowed?"),
        ({"engines": {"x": {"kind": "remote", "url": "https://a.b/v1", "model": "m", "extra_body": {"n": 5}}}},
         "engines.x.extra_body: n is given by jarvisd itself or not allowed; leave it out"),
        ({"engines": {"x": {"kind": "remote", "url": "https://a.b/v1", "model": "m", "price_per_million_input": 1.0}}},
         "engines.x.price_per_million_output: give both prices, of input and of output, or neither"),
    ],
)  # fmt: skip
def test_faults_name_their_place(table, fault):
    _, faults = faults_in(table)
    assert any(fault in one for one in faults), faults


@pytest.mark.parametrize("limit", [float("inf"), float("nan"), 1e9])
def test_limits_are_amounts_of_money(limit):
    with pytest.raises(ValidationError):
        CloudConfig(month_limit=limit)
