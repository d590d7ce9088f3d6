"""Reads a node's GeoJSON and DATEX II 2.3 feeds with the unmodified classes of parkapi-sources, and prints what it understood."""

import json
import sys

import requests
from parkapi_sources.converters.base_converter.datex2 import ParkingRecordStatusMixin, UrbanParkingSiteMixin
from parkapi_sources.converters.base_converter.pull import StaticGeojsonDataMixin
from parkapi_sources.models import PurposeType, SourceInfo
from parkapi_sources.util import XMLHelper

base, city = sys.argv[1], sys.argv[2]


class Reader(StaticGeojsonDataMixin, UrbanParkingSiteMixin, ParkingRecordStatusMixin):
    source_info = SourceInfo(uid=city, name="test", has_realtime_data=True)
    config_helper = {"STATIC_GEOJSON_BASE_URL": f"{base}/feeds/geojson"}
    xml_helper = XMLHelper()

    def request_get(self, **kwargs):
        return requests.get(timeout=20, **kwargs)

    def apply_static_patches(self, inputs):
        return inputs


def xml(path):
    return XMLHelper.string_to_xml_etree(requests.get(base + path, timeout=20).content)


reader = Reader()
sites, errors = reader._get_static_parking_site_inputs_and_exceptions(city, PurposeType.CAR)
spots, more = reader._get_static_parking_spots_inputs_and_exceptions(city, PurposeType.CAR)
errors += more
table, more = reader._handle_static_xml_data(xml("/feeds/datex2/v2/parking-table.xml"))
errors += more
status, more = reader._handle_realtime_xml_data(xml("/feeds/datex2/v2/parking-status.xml"))
errors += more


def static(item):
    return {"name": item.name, "lat": float(item.lat), "lon": float(item.lon), "capacity": getattr(item, "capacity", None)}


json.dump(
    {
        "errors": [str(error) for error in errors],
        "sites": {item.uid: static(item) for item in sites},
        "spots": {item.uid: static(item) for item in spots},
        "table": {item.uid: static(item) for item in table},
        "status": {
            item.uid: {
                "free": item.realtime_free_capacity,
                "opening": item.realtime_opening_status.value if item.realtime_opening_status else None,
            }
            for item in status
        },
    },
    sys.stdout,
)
