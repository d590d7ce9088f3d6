//! The catalogue: every feed, what it is in plain words, who reads it, how fresh it is, and where it lies.

use serde::Serialize;
use utoipa::ToSchema;

use super::{
    cds::curbs,
    datex2, geojson, parkapi_v1,
    picture::{Picture, Site},
    press::Variant,
    siri,
};
use crate::{
    config,
    domain::{text::Localized, time::Instant},
    signboard::SignBoard,
};

/// A feed that is written once for all its readers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Feed {
    /// ParkAPI v1: the list of cities.
    ParkApiCities,
    /// ParkAPI v1: the car parks.
    ParkApiCity,
    /// GeoJSON: the lots.
    GeoJsonSites,
    /// GeoJSON: the bays.
    GeoJsonSpots,
    /// DATEX II 3.7: the parking table.
    Datex3Table,
    /// DATEX II 3.7: the parking status.
    Datex3Status,
    /// DATEX II 3.7: where the signs stand.
    Datex3SignsTable,
    /// DATEX II 3.7: what the signs show.
    Datex3Signs,
    /// DATEX II 2.3: the parking table.
    Datex2Table,
    /// DATEX II 2.3: the parking status.
    Datex2Status,
    /// CDS: the curb zones.
    CdsZones,
    /// CDS: the policies of the curb zones.
    CdsPolicies,
    /// SIRI-FM: facility monitoring.
    Siri,
}

impl Feed {
    /// Every one.
    pub const ALL: [Self; 13] = [
        Self::ParkApiCities,
        Self::ParkApiCity,
        Self::GeoJsonSites,
        Self::GeoJsonSpots,
        Self::Datex3Table,
        Self::Datex3Status,
        Self::Datex3SignsTable,
        Self::Datex3Signs,
        Self::Datex2Table,
        Self::Datex2Status,
        Self::CdsZones,
        Self::CdsPolicies,
        Self::Siri,
    ];

    /// Its media type.
    pub fn media_type(self) -> &'static str {
        match self {
            Self::ParkApiCities | Self::ParkApiCity | Self::CdsZones | Self::CdsPolicies => "application/json",
            Self::GeoJsonSites | Self::GeoJsonSpots => "application/geo+json",
            _ => "application/xml; charset=utf-8",
        }
    }

    /// Whether what it tells moves with the signs, and not with the lots alone.
    pub fn tells_signs(self) -> bool {
        self == Self::Datex3Signs
    }

    /// Whether there is anything to tell: the schemas of some formats have no room for an empty list.
    pub fn has_content(self, picture: &Picture) -> bool {
        match self {
            Self::Datex3Table | Self::Datex3Status => !picture.lots.is_empty(),
            Self::Datex2Table | Self::Datex2Status => picture.sites().any(Site::is_for_cars),
            Self::Datex3SignsTable | Self::Datex3Signs => !picture.city.signs.is_empty(),
            _ => true,
        }
    }

    /// Writes it.
    pub fn write(self, picture: &Picture, variant: Variant, settings: &config::Feeds, signs: &SignBoard) -> Vec<u8> {
        match self {
            Self::ParkApiCities => parkapi_v1::cities(picture, variant, settings),
            Self::ParkApiCity => parkapi_v1::city(picture, variant, settings),
            Self::GeoJsonSites => geojson::sites(picture, variant, settings),
            Self::GeoJsonSpots => geojson::spots(picture, variant, settings),
            Self::Datex3Table => datex2::table(picture, variant, settings),
            Self::Datex3Status => datex2::status(picture, settings),
            Self::Datex3SignsTable => datex2::signs_table(picture, variant, settings),
            Self::Datex3Signs => datex2::signs(picture, settings, signs),
            Self::Datex2Table => datex2::v2::table(picture, variant, settings),
            Self::Datex2Status => datex2::v2::status(picture, settings),
            Self::CdsZones => curbs::zones(picture, variant, settings),
            Self::CdsPolicies => curbs::policies(picture, variant, settings),
            Self::Siri => siri::facility_monitoring(picture, settings),
        }
    }
}

/// The answer to `GET /feeds/catalogue.json`.
#[derive(Debug, Serialize, ToSchema)]
pub struct Catalogue {
    /// The city's name.
    #[schema(value_type = Object)]
    pub city: Localized,
    /// The name the city goes by in addresses.
    pub city_id: String,
    /// Whether it is made up.
    pub fictional: bool,
    /// Who publishes.
    pub publisher: String,
    /// The licence of everything here that is public.
    pub licence: Licence,
    /// How many requests a minute one reader may make.
    pub requests_per_minute: u32,
    /// When the newest number was taken into a feed.
    #[schema(value_type = String, format = DateTime)]
    pub updated_at: Instant,
    /// Where that stands in the stream of changes.
    pub cursor: String,
    /// The feeds.
    pub feeds: Vec<Entry>,
}

/// A licence.
#[derive(Debug, Serialize, ToSchema)]
pub struct Licence {
    /// Its name.
    pub name: String,
    /// Its text.
    pub url: String,
}

/// One feed in plain words.
#[derive(Debug, Serialize, ToSchema)]
pub struct Entry {
    /// Its stable name.
    pub id: &'static str,
    /// What it is called.
    #[schema(value_type = Object)]
    pub title: Localized,
    /// What it is, and for whom.
    #[schema(value_type = Object)]
    pub what: Localized,
    /// How fresh it is.
    #[schema(value_type = Object)]
    pub freshness: Localized,
    /// The format and its version.
    pub format: &'static str,
    /// `json`, `xml`, `csv`, `websocket`, `webhook`.
    pub encoding: &'static str,
    /// Whether a token is needed.
    pub needs_token: bool,
    /// Where it lies; the first is the example.
    pub addresses: Vec<String>,
}

/// `[zh, en]`.
type Words = [&'static str; 2];

const LIVE: Words = [
    "有变化后 1 秒内更新；超过时限的数字不再给出",
    "Within a second of a change; a number past its limit is no longer told",
];

fn entry(
    id: &'static str,
    (format, encoding): (&'static str, &'static str),
    title: Words,
    what: Words,
    freshness: Words,
    addresses: Vec<String>,
) -> Entry {
    let both = |[zh, en]: Words| Localized { zh: zh.to_owned(), en: en.to_owned() };
    let needs_token = id == "cds-events";
    Entry {
        id,
        title: both(title),
        what: both(what),
        freshness: both(freshness),
        format,
        encoding,
        needs_token,
        addresses,
    }
}

/// The catalogue.
pub fn catalogue(picture: &Picture, settings: &config::Feeds) -> Catalogue {
    let city = &settings.city;
    let at = |paths: &[&str]| paths.iter().map(|path| path.replace("{city}", city)).collect::<Vec<String>>();
    let feeds = vec![
        entry(
            "geojson",
            ("GeoJSON RFC 7946", "json"),
            ["地图数据", "Map data"],
            [
                "每个停车场和每个有位置的泊位，带实时空位。直接拖进任何地图工具即可。",
                "Every lot, and every bay with a place of its own, with what is free now. Drop it into any map tool.",
            ],
            LIVE,
            at(&["/feeds/geojson/{city}.geojson", "/feeds/geojson/parking-spots/{city}.geojson"]),
        ),
        entry(
            "parkapi-v3",
            ("ParkAPI v3", "json"),
            ["停车场与泊位列表", "Lots and bays, page by page"],
            [
                "给开发者的首选：可按范围、半径、类型筛选，分页读取；含限高、收费、无障碍与充电车位。",
                "First choice for developers: filter by box, radius or type, read page by page; with height limits, fees, accessible and charging places.",
            ],
            LIVE,
            at(&[
                "/feeds/parkapi/v3/parking-sites?limit=20",
                "/feeds/parkapi/v3/parking-spots?limit=20",
                "/feeds/parkapi/v3/sources",
            ]),
        ),
        entry(
            "parkapi-v1",
            ("ParkAPI v1", "json"),
            ["简明空位列表", "The short list"],
            [
                "一个文件列出全部停车场的空位数。OpenTripPlanner 等出行规划软件可直接读取。",
                "One file with the free places of every car park. OpenTripPlanner and other journey planners read it as it is.",
            ],
            LIVE,
            at(&["/feeds/parkapi/v1/{city}", "/feeds/parkapi/v1"]),
        ),
        entry(
            "datex2-v3",
            ("DATEX II 3.7", "xml"),
            ["欧洲交通数据标准", "The European traffic standard"],
            [
                "停车设施表与状态，供导航公司和交通中心使用。",
                "The table of parking places and their status, for navigation companies and traffic centres.",
            ],
            LIVE,
            at(&["/feeds/datex2/v3/parking-status.xml", "/feeds/datex2/v3/parking-table.xml"]),
        ),
        entry(
            "datex2-signs",
            ("DATEX II 3.7 VMS", "xml"),
            ["诱导屏正在显示什么", "What the signs show"],
            [
                "每块路边诱导屏已确认显示的文字，以及故障。任何人都可以核对。",
                "The words each roadside sign was confirmed to show, and its faults. Anyone may check them.",
            ],
            ["屏幕确认后 1 秒内", "Within a second of the sign's own confirmation"],
            at(&["/feeds/datex2/v3/vms.xml", "/feeds/datex2/v3/vms-table.xml"]),
        ),
        entry(
            "datex2-v2",
            ("DATEX II 2.3", "xml"),
            ["旧版欧洲标准", "The older European standard"],
            ["给仍在使用 2.3 版的系统。", "For systems that still read version 2.3."],
            LIVE,
            at(&["/feeds/datex2/v2/parking-status.xml", "/feeds/datex2/v2/parking-table.xml"]),
        ),
        entry(
            "ngsi-ld",
            ("NGSI-LD Smart Data Models", "json"),
            ["智慧城市平台", "Smart-city platforms"],
            [
                "FIWARE 智能数据模型的实体：路外停车场、路内停车、单个泊位。",
                "Entities of the Smart Data Models: off-street parking, on-street parking, single spots.",
            ],
            LIVE,
            at(&[
                "/feeds/ngsi-ld/v1/entities?type=OffStreetParking&options=keyValues",
                "/feeds/ngsi-ld/v1/entities?type=OnStreetParking&options=keyValues",
                "/feeds/ngsi-ld/v1/entities?type=ParkingSpot&options=keyValues",
            ]),
        ),
        entry(
            "siri-fm",
            ("SIRI-FM 2.1", "xml"),
            ["公共交通接驳", "For public transport"],
            [
                "公共交通信息系统读取的停车换乘空位。",
                "Free places as public-transport information systems read them, for park and ride.",
            ],
            LIVE,
            at(&["/feeds/siri/facility-monitoring.xml"]),
        ),
        entry(
            "cds",
            ("CDS 1.1", "json"),
            ["路缘数据", "Curb data"],
            [
                "路内泊位与禁停区的范围和规则，传感器是否在线。",
                "Where rows of bays and no-parking zones lie, the rules they are under, and which sensors are online.",
            ],
            LIVE,
            at(&["/feeds/cds/curbs/zones", "/feeds/cds/curbs/policies", "/feeds/cds/events/status"]),
        ),
        entry(
            "cds-metrics",
            ("CDS 1.1", "csv"),
            ["逐小时占用率", "Occupancy by the hour"],
            [
                "每排路内泊位过去一段时间每小时的占用率。",
                "How full each row of bays was in each hour of the past days.",
            ],
            ["每小时", "Hourly"],
            at(&["/feeds/cds/metrics/aggregates"]),
        ),
        entry(
            "cds-events",
            ("CDS 1.1", "json"),
            ["执法事件（需授权）", "Enforcement events (with a token)"],
            [
                "违停开始与结束、警告与立案。只提供给获授权的系统，不含车牌和人员姓名。",
                "Violations as they begin and end, warnings and cases. For authorised systems only; no plate and no name in it.",
            ],
            ["发生即可查询", "As they happen"],
            at(&["/feeds/cds/events/events"]),
        ),
        entry(
            "webhooks",
            ("JSON, HMAC-SHA256", "webhook"),
            ["推送", "Pushed to you"],
            [
                "有变化时由我们主动发送，带签名，失败会重试。请联系运营方登记地址。",
                "Sent to you when something changes, signed, and tried again if you are away. Ask the operator to enter your address.",
            ],
            LIVE,
            Vec::new(),
        ),
        entry(
            "city",
            ("JSON, WebSocket", "websocket"),
            ["本站自己的接口", "This site's own interface"],
            [
                "网页所用的同一接口：一次快照，之后只发变化。",
                "The very interface the pages use: one snapshot, then changes only.",
            ],
            ["0.25 秒内", "Within a quarter of a second"],
            at(&["/api/v1/lots", "/api/v1/openapi.json"]),
        ),
    ];
    Catalogue {
        city: picture.city.name.clone(),
        city_id: city.clone(),
        fictional: picture.city.fictional,
        publisher: settings.publisher.clone(),
        licence: Licence { name: settings.licence_name.clone(), url: settings.licence_url.clone() },
        requests_per_minute: settings.requests_per_minute,
        updated_at: picture.at,
        cursor: picture.cursor.to_string(),
        feeds,
    }
}
