//! The town's off-street lots by hand: what they are called, what they are for, and about where they lie.

use super::{LotKind, Purpose};

/// One off-street lot before it is laid out.
#[derive(Debug, Clone, Copy)]
pub struct Landmark {
    /// Chinese name, English name, and the words for a sign.
    pub words: (&'static str, &'static str, &'static str),
    /// Garage or car park.
    pub kind: LotKind,
    /// Who parks here.
    pub purpose: Purpose,
    /// Its weight in the town's number of spaces.
    pub size: u32,
    /// Whether entry and exit counters report instead of bay sensors.
    pub counters: bool,
    /// About where, metres on the plan.
    pub near: (f64, f64),
}

const fn landmark(
    words: (&'static str, &'static str, &'static str),
    kind: LotKind,
    purpose: Purpose,
    size: u32,
    counters: bool,
    near: (f64, f64),
) -> Landmark {
    Landmark { words, kind, purpose, size, counters, near }
}

use LotKind::{CarPark, Garage};
use Purpose::{Home, Hospital, Leisure, Market, Office, RideOn, School, Shopping};

/// All of them; the first ones get the best ground.
pub const LANDMARKS: &[Landmark] = &[
    landmark(("凤鸣广场车库", "Fengming Square Garage", "凤鸣广场"), Garage, Shopping, 240, false, (90.0, -560.0)),
    landmark(("县前广场车库", "Xianqian Square Garage", "县前广场"), Garage, Shopping, 180, false, (-210.0, 390.0)),
    landmark(("云溪医院车库", "Yunxi Hospital Garage", "云溪医院"), Garage, Hospital, 220, true, (900.0, 480.0)),
    landmark(("云溪医院停车场", "Yunxi Hospital Car Park", "医院停车场"), CarPark, Hospital, 86, false, (960.0, 720.0)),
    landmark(("茶盐街停车场", "Chayan Street Car Park", "茶盐街停车场"), CarPark, Leisure, 64, false, (-480.0, 130.0)),
    landmark(("学宫停车场", "Xuegong Car Park", "学宫停车场"), CarPark, Leisure, 48, false, (330.0, 390.0)),
    landmark(
        ("政务服务中心停车场", "Service Centre Car Park", "政务中心"),
        CarPark,
        Office,
        110,
        false,
        (210.0, -780.0),
    ),
    landmark(("白鹭公园停车场", "Bailu Park Car Park", "白鹭公园"), CarPark, Leisure, 90, false, (600.0, -700.0)),
    landmark(
        ("新城客运站停车场", "Xincheng Coach Station Car Park", "客运站"),
        CarPark,
        RideOn,
        120,
        true,
        (1090.0, -300.0),
    ),
    landmark(("游客中心停车场", "Visitor Centre Car Park", "游客中心"), CarPark, Leisure, 130, false, (-1330.0, 650.0)),
    landmark(("竹艺城车库", "Bamboo Craft Mall Garage", "竹艺城车库"), Garage, Shopping, 160, true, (640.0, -440.0)),
    landmark(("农贸市场停车场", "Farmers' Market Car Park", "农贸市场"), CarPark, Market, 70, false, (100.0, 110.0)),
    landmark(
        ("南门菜场停车场", "South Gate Market Car Park", "南门菜场"),
        CarPark,
        Market,
        52,
        false,
        (-650.0, -900.0),
    ),
    landmark(("云麓小学停车场", "Yunlu School Car Park", "云麓小学"), CarPark, School, 40, false, (-720.0, 1000.0)),
    landmark(("体育中心停车场", "Sports Centre Car Park", "体育中心"), CarPark, Leisure, 150, false, (1040.0, -720.0)),
    landmark(("文化馆车库", "Culture Hall Garage", "文化馆车库"), Garage, Leisure, 96, false, (-330.0, -800.0)),
    landmark(("图书馆停车场", "Library Car Park", "图书馆"), CarPark, School, 60, false, (420.0, -1290.0)),
    landmark(("银杏里停车场", "Yinxingli Car Park", "银杏里停车场"), CarPark, Home, 72, false, (-960.0, -1190.0)),
    landmark(("翠湖家园车库", "Cuihu Homes Garage", "翠湖家园"), Garage, Home, 150, true, (720.0, -1400.0)),
    landmark(("云麓花园车库", "Yunlu Gardens Garage", "云麓花园"), Garage, Home, 140, true, (480.0, 980.0)),
    landmark(("松涛里停车场", "Songtaoli Car Park", "松涛里停车场"), CarPark, Home, 58, false, (-380.0, 880.0)),
    landmark(("竹海园区停车场", "Zhuhai Works Car Park", "竹海园区"), CarPark, Office, 96, false, (-1290.0, -700.0)),
    landmark(("溪畔停车场", "Riverside Car Park", "溪畔停车场"), CarPark, Leisure, 45, false, (-960.0, 130.0)),
    landmark(("老码头停车场", "Old Wharf Car Park", "老码头停车场"), CarPark, Leisure, 36, false, (600.0, 30.0)),
    landmark(("东门停车场", "East Gate Car Park", "东门停车场"), CarPark, Shopping, 55, false, (820.0, 300.0)),
    landmark(("西门停车场", "West Gate Car Park", "西门停车场"), CarPark, Shopping, 62, false, (-900.0, 460.0)),
    landmark(("城东换乘停车场", "East Park and Ride", "城东换乘"), CarPark, RideOn, 140, true, (1560.0, 620.0)),
    landmark(("城西换乘停车场", "West Park and Ride", "城西换乘"), CarPark, RideOn, 120, true, (-1560.0, 320.0)),
    landmark(("望溪酒店车库", "Wangxi Hotel Garage", "望溪酒店"), Garage, Shopping, 80, false, (230.0, -440.0)),
    landmark(("税务大厅停车场", "Tax Hall Car Park", "税务大厅"), CarPark, Office, 44, false, (-150.0, -1010.0)),
    landmark(
        ("妇幼保健院停车场", "Mother and Child Clinic Car Park", "妇幼保健院"),
        CarPark,
        Hospital,
        50,
        false,
        (-1130.0, -520.0),
    ),
    landmark(("青禾商厦车库", "Qinghe Store Garage", "青禾商厦"), Garage, Shopping, 110, false, (-120.0, -1400.0)),
];

/// Rows of bays: street, how far along it (0 to 1), side (1 left, -1 right), number of bays, and who parks there.
pub const ROWS: &[(&str, f64, f64, u32, Purpose)] = &[
    ("fengming", 0.30, -1.0, 22, Shopping),
    ("fengming", 0.72, 1.0, 26, Shopping),
    ("titian", 0.36, -1.0, 28, Shopping),
    ("titian", 0.66, 1.0, 30, Shopping),
    ("xianqian", 0.25, 1.0, 20, Shopping),
    ("xianqian", 0.78, -1.0, 24, Shopping),
    ("chayan", 0.30, -1.0, 18, Leisure),
    ("chayan", 0.72, 1.0, 16, Leisure),
    ("yinjiang", 0.35, 1.0, 12, Home),
    ("xuegong", 0.45, -1.0, 16, School),
    ("bailu", 0.40, 1.0, 12, Home),
    ("ximen", 0.40, -1.0, 18, Shopping),
    ("dongmen", 0.55, 1.0, 20, Shopping),
    ("xuefu", 0.60, -1.0, 24, School),
    ("yunlu", 0.45, 1.0, 26, Home),
    ("songtao", 0.50, 1.0, 18, Home),
    ("xinyuan", 0.55, 1.0, 30, Office),
    ("hehua", 0.35, -1.0, 26, Office),
    ("hehua", 0.70, 1.0, 24, Leisure),
    ("jiushan", 0.55, -1.0, 26, Home),
    ("zhuyi", 0.50, 1.0, 22, Shopping),
    ("shuiyun", 0.45, -1.0, 22, Office),
    ("jinsui", 0.60, 1.0, 20, Home),
];

/// Rows for e-bikes and bicycles: street, how far along, side, number of places.
pub const NON_MOTOR_ROWS: &[(&str, f64, f64, u32)] = &[
    ("fengming", 0.36, 1.0, 60),
    ("xianqian", 0.52, -1.0, 48),
    ("xuegong", 0.72, 1.0, 36),
    ("titian", 0.52, -1.0, 54),
    ("hehua", 0.55, 1.0, 40),
];
