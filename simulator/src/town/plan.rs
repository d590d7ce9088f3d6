//! The drawn plan of the town: a river valley, an old town of lanes, a new town of straight streets, a ring road.

use super::geometry::{Point, point, spline};

/// A corner of the plan that a street runs through.
#[derive(Debug, Clone, Copy)]
pub enum Node {
    /// A place, metres.
    At(f64, f64),
    /// On the road of the northern bank.
    NorthBank(f64),
    /// On the road of the southern bank.
    SouthBank(f64),
    /// A crossing of the new town: column -3 to 3 and row 0 to 3.
    Grid(i8, i8),
}
use Node::{At, Grid, NorthBank, SouthBank};

/// One street of the plan.
#[derive(Debug, Clone, Copy)]
pub struct Drawn {
    /// Its id in the city file.
    pub id: &'static str,
    /// Chinese and English name.
    pub name: (&'static str, &'static str),
    /// 1 (strict) to 4 (basic).
    pub class: u8,
    /// What it runs through.
    pub nodes: &'static [Node],
}

const fn drawn(id: &'static str, zh: &'static str, en: &'static str, class: u8, nodes: &'static [Node]) -> Drawn {
    Drawn { id, name: (zh, en), class, nodes }
}

const COLUMNS_M: [f64; 7] = [-1170.0, -800.0, -410.0, 0.0, 370.0, 800.0, 1190.0];
const ROWS_M: [f64; 4] = [0.0, 310.0, 640.0, 990.0];
/// Half the river's width, metres.
pub const RIVER_HALF_M: f64 = 48.0;
const BANK_M: f64 = 82.0;

// Corners that several streets share.
const RING_W: Node = At(-1800.0, 660.0);
const RING_E: Node = At(1770.0, 640.0);
const RING_N: Node = At(100.0, 1400.0);
const RING_NW: Node = At(-600.0, 1480.0);
const RING_NE: Node = At(800.0, 1500.0);
const RING_NNE: Node = At(1690.0, 960.0);
const RING_NNW: Node = At(-1650.0, 1020.0);
const RING_SE: Node = At(1775.0, -340.0);
const RING_SEN: Node = At(1740.0, -60.0);
const RING_SW: Node = At(-1660.0, -890.0);
const RING_SWN: Node = At(-1690.0, -330.0);
const RING_S: Node = At(270.0, -2060.0);
const RING_SSE: Node = At(1330.0, -1640.0);
const A: Node = At(-60.0, 620.0);
const A1: Node = At(-800.0, 600.0);
const A1B: Node = At(-590.0, 625.0);
const A2: Node = At(-380.0, 640.0);
const A4: Node = At(330.0, 660.0);
const A4B: Node = At(530.0, 640.0);
const A5: Node = At(715.0, 600.0);
const AW: Node = At(-1220.0, 560.0);
const AE: Node = At(1210.0, 560.0);
const O1: Node = At(-75.0, 470.0);
const O2: Node = At(-90.0, 330.0);
const O2B: Node = At(-68.0, 190.0);
const O3: Node = At(-40.0, 50.0);
const C1: Node = At(-815.0, 300.0);
const C1B: Node = At(-800.0, 105.0);
const C5: Node = At(725.0, 270.0);
const C5B: Node = At(745.0, 90.0);
const D1: Node = At(-560.0, 262.0);
const D2: Node = At(-320.0, 300.0);
const D4: Node = At(190.0, 285.0);
const D5: Node = At(440.0, 340.0);
const E1: Node = At(-610.0, 40.0);
const E2: Node = At(-350.0, 30.0);
const E4: Node = At(205.0, 5.0);
const E5: Node = At(485.0, 70.0);
const F1: Node = At(-535.0, 440.0);
const F2: Node = At(-405.0, 470.0);
const F4: Node = At(262.0, 470.0);
const F5: Node = At(505.0, 500.0);
const H2: Node = At(-285.0, 170.0);
const H4: Node = At(228.0, 150.0);
const H5: Node = At(475.0, 205.0);
const N1: Node = At(-1200.0, 1010.0);
const N2: Node = At(-560.0, 1060.0);
const N3: Node = At(20.0, 1000.0);
const N4: Node = At(770.0, 1060.0);
const N5: Node = At(1300.0, 1010.0);

/// Every street but the two bank roads.
pub const STREETS: &[Drawn] = &[
    drawn(
        "huancui-n",
        "环翠北路",
        "Huancui North Road",
        2,
        &[
            NorthBank(-1790.0),
            RING_W,
            RING_NNW,
            At(-1280.0, 1340.0),
            RING_NW,
            RING_N,
            RING_NE,
            At(1380.0, 1310.0),
            RING_NNE,
            RING_E,
            NorthBank(1735.0),
        ],
    ),
    drawn(
        "huancui-s",
        "环翠南路",
        "Huancui South Road",
        2,
        &[
            NorthBank(1735.0),
            SouthBank(1730.0),
            RING_SEN,
            RING_SE,
            At(1765.0, -690.0),
            At(1690.0, -1050.0),
            RING_SSE,
            At(880.0, -1930.0),
            RING_S,
            At(-520.0, -2080.0),
            At(-1250.0, -1790.0),
            At(-1610.0, -1380.0),
            RING_SW,
            RING_SWN,
            SouthBank(-1760.0),
        ],
    ),
    drawn("titian", "梯田大道", "Titian Avenue", 1, &[RING_W, AW, A1, A1B, A2, A, A4, A4B, A5, AE, RING_E]),
    drawn(
        "fengming",
        "凤鸣街",
        "Fengming Street",
        1,
        &[
            RING_N,
            N3,
            A,
            O1,
            O2,
            O2B,
            O3,
            NorthBank(-20.0),
            SouthBank(-12.0),
            Grid(0, 0),
            Grid(0, 1),
            Grid(0, 2),
            Grid(0, 3),
            RING_S,
        ],
    ),
    drawn("xianqian", "县前街", "Xianqian Street", 2, &[C1, D1, D2, O2, D4, D5, C5]),
    drawn("chayan", "茶盐街", "Chayan Street", 3, &[C1B, E1, E2, O3, E4, E5, C5B]),
    drawn("yinjiang", "银匠巷", "Yinjiang Lane", 4, &[A2, F2, D2, H2, E2, NorthBank(-375.0)]),
    drawn("guihua", "桂花弄", "Guihua Alley", 4, &[A1B, F1, D1, At(-592.0, 150.0), E1, NorthBank(-620.0)]),
    drawn("xuegong", "学宫路", "Xuegong Road", 3, &[A4, F4, D4, H4, E4, NorthBank(190.0)]),
    drawn("bailu", "白鹭巷", "Bailu Lane", 4, &[A4B, F5, D5, H5, E5, NorthBank(500.0)]),
    drawn("ranfang", "染坊巷", "Ranfang Lane", 4, &[F1, F2, At(-240.0, 492.0), O1]),
    drawn("jingtou", "井头弄", "Jingtou Alley", 4, &[O1, At(95.0, 440.0), F4, F5, At(620.0, 470.0), At(722.0, 440.0)]),
    drawn("datie", "打铁巷", "Datie Lane", 4, &[H2, At(-170.0, 165.0), O2B, At(85.0, 205.0), H4, H5]),
    drawn("ximen", "西门路", "Ximen Road", 3, &[A1, C1, C1B, NorthBank(-810.0)]),
    drawn("dongmen", "东门路", "Dongmen Road", 3, &[A5, At(722.0, 440.0), C5, C5B, NorthBank(770.0)]),
    drawn("songtao", "松涛路", "Songtao Road", 3, &[A2, At(-470.0, 850.0), N2, RING_NW]),
    drawn("xuefu", "学府路", "Xuefu Road", 2, &[A5, At(735.0, 830.0), N4, RING_NE]),
    drawn(
        "yunlu",
        "云麓路",
        "Yunlu Road",
        3,
        &[RING_NNW, N1, At(-900.0, 1090.0), N2, N3, At(400.0, 1085.0), N4, N5, RING_NNE],
    ),
    drawn("zhulin", "竹林路", "Zhulin Road", 3, &[N1, AW, At(-1190.0, 420.0), NorthBank(-1185.0)]),
    drawn("maiwan", "麦湾路", "Maiwan Road", 3, &[N5, AE, NorthBank(1250.0)]),
    drawn(
        "xinyuan",
        "新源大道",
        "Xinyuan Avenue",
        1,
        &[RING_SW, Grid(-3, 0), Grid(-2, 0), Grid(-1, 0), Grid(0, 0), Grid(1, 0), Grid(2, 0), Grid(3, 0), RING_SE],
    ),
    drawn(
        "hehua",
        "荷花路",
        "Hehua Road",
        3,
        &[Grid(-3, 1), Grid(-2, 1), Grid(-1, 1), Grid(0, 1), Grid(1, 1), Grid(2, 1), Grid(3, 1), At(1765.0, -690.0)],
    ),
    drawn(
        "jiushan",
        "九杉路",
        "Jiushan Road",
        2,
        &[At(-1610.0, -1380.0), Grid(-3, 2), Grid(-2, 2), Grid(-1, 2), Grid(0, 2), Grid(1, 2), Grid(2, 2), Grid(3, 2)],
    ),
    drawn(
        "qinghe",
        "青禾路",
        "Qinghe Road",
        3,
        &[Grid(-2, 3), Grid(-1, 3), Grid(0, 3), Grid(1, 3), Grid(2, 3), RING_SSE],
    ),
    drawn(
        "mingde",
        "明德路",
        "Mingde Road",
        3,
        &[SouthBank(-1240.0), At(-1215.0, -440.0), Grid(-3, 0), Grid(-3, 1), Grid(-3, 2)],
    ),
    drawn(
        "jinsui",
        "金穗路",
        "Jinsui Road",
        3,
        &[SouthBank(-850.0), At(-820.0, -490.0), Grid(-2, 0), Grid(-2, 1), Grid(-2, 2), Grid(-2, 3)],
    ),
    drawn(
        "shuiyun",
        "水韵路",
        "Shuiyun Road",
        3,
        &[SouthBank(-440.0), Grid(-1, 0), Grid(-1, 1), Grid(-1, 2), Grid(-1, 3)],
    ),
    drawn("zhuyi", "竹艺路", "Zhuyi Road", 3, &[SouthBank(350.0), Grid(1, 0), Grid(1, 1), Grid(1, 2), Grid(1, 3)]),
    drawn(
        "xinghu",
        "星湖路",
        "Xinghu Road",
        2,
        &[SouthBank(780.0), At(790.0, -300.0), Grid(2, 0), Grid(2, 1), Grid(2, 2), Grid(2, 3)],
    ),
    drawn(
        "chezhan",
        "望岭路",
        "Wangling Road",
        3,
        &[SouthBank(1190.0), At(1185.0, -170.0), Grid(3, 0), Grid(3, 1), Grid(3, 2)],
    ),
    drawn(
        "cuiwei",
        "翠微路",
        "Cuiwei Road",
        3,
        &[RING_SWN, At(-1215.0, -440.0), At(-820.0, -490.0), SouthBank(-440.0)],
    ),
    drawn("chaoyun", "朝云路", "Chaoyun Road", 3, &[SouthBank(350.0), At(790.0, -300.0), At(1185.0, -170.0), RING_SEN]),
    drawn(
        "lingxi",
        "岭西公路",
        "Lingxi Highway",
        2,
        &[RING_NNW, At(-2150.0, 1190.0), At(-2600.0, 1120.0), At(-3000.0, 1250.0)],
    ),
    drawn(
        "tankou",
        "滩口公路",
        "Tankou Highway",
        2,
        &[RING_SE, At(2150.0, -460.0), At(2600.0, -420.0), At(3000.0, -620.0)],
    ),
    drawn("shanhou", "山后公路", "Shanhou Highway", 3, &[RING_S, At(330.0, -2330.0), At(180.0, -2600.0)]),
];

/// The southern bank road's, then the northern bank road's, id, name and class.
pub const BANKS: [Drawn; 2] = [
    drawn("xinan", "溪南路", "Xinan Road", 2, &[SouthBank(-2300.0), SouthBank(2050.0)]),
    drawn("xibei", "溪北路", "Xibei Road", 2, &[NorthBank(-2300.0), NorthBank(2300.0)]),
];

/// The river's middle line, from west to east.
pub fn river() -> Vec<Point> {
    spline(&[
        point(-3200.0, 600.0),
        point(-2400.0, 430.0),
        point(-1650.0, 250.0),
        point(-980.0, -70.0),
        point(-350.0, -300.0),
        point(250.0, -330.0),
        point(800.0, -110.0),
        point(1300.0, 160.0),
        point(1900.0, 260.0),
        point(2550.0, 60.0),
        point(3200.0, -160.0),
    ])
}

fn bank(side: f64) -> Vec<Point> {
    let river = river();
    (0..river.len())
        .map(|i| {
            let direction = (river[(i + 1).min(river.len() - 1)] - river[i.saturating_sub(1)]).unit();
            river[i] + direction.left() * (side * BANK_M)
        })
        .collect()
}

fn at_easting(line: &[Point], x: f64) -> Point {
    line.windows(2).find(|pair| pair[0].x <= x && x <= pair[1].x).map_or(point(x, 0.0), |pair| {
        let t = (x - pair[0].x) / (pair[1].x - pair[0].x).max(1e-9);
        pair[0] + (pair[1] - pair[0]) * t
    })
}

fn resolve(node: Node, north: &[Point], south: &[Point]) -> Point {
    match node {
        At(x, y) => point(x, y),
        NorthBank(x) => at_easting(north, x),
        SouthBank(x) => at_easting(south, x),
        Grid(column, row) => {
            let (east, down) = (COLUMNS_M[(column + 3) as usize], ROWS_M[row as usize]);
            point(30.0, -640.0) + point(0.985, 0.172) * east + point(0.172, -0.985) * down
        }
    }
}

/// Every street with its line on the plan.
pub fn streets() -> Vec<(Drawn, Vec<Point>)> {
    let (north, south) = (bank(1.0), bank(-1.0));
    let mut out: Vec<(Drawn, Vec<Point>)> = STREETS
        .iter()
        .map(|street| {
            let nodes: Vec<Point> = street.nodes.iter().map(|node| resolve(*node, &north, &south)).collect();
            (*street, spline(&nodes))
        })
        .collect();
    for (bank, line) in BANKS.iter().zip([&south, &north]) {
        let ends: Vec<f64> = bank.nodes.iter().map(|node| resolve(*node, &north, &south).x).collect();
        out.push((*bank, line.iter().copied().filter(|p| p.x >= ends[0] && p.x <= ends[1]).collect()));
    }
    out
}
