//! Divides the built area into management cells and names the unit that answers for each.

use rand::{RngExt, rngs::StdRng};

use super::{
    Cell, Words,
    geometry::{Point, point},
    relief::Relief,
};

/// The division code that the county's cells begin with; the northern half is one town, the southern another.
const COUNTY: &str = "331125";
const COLUMNS: usize = 6;
const ROWS: usize = 6;
const WEST_M: f64 = -1_900.0;
const EAST_M: f64 = 1_900.0;
const SOUTH_M: f64 = -2_150.0;
const NORTH_M: f64 = 1_560.0;
const UNITS: [(&str, &str); 6] = [
    ("城北中队", "North Squad"),
    ("老城中队", "Old Town Squad"),
    ("沿溪管理所", "Riverside Office"),
    ("新城一中队", "New Town Squad 1"),
    ("新城二中队", "New Town Squad 2"),
    ("城南中队", "South Squad"),
];

/// Cells from the north-west to the south-east; neighbours share their edges.
pub fn divide(relief: &Relief, rng: &mut StdRng) -> Vec<Cell> {
    let mut corner = |column: usize, row: usize| {
        let mut jitter = |inner: bool| if inner { rng.random_range(-70.0..70.0) } else { 0.0 };
        let x = WEST_M + (EAST_M - WEST_M) * column as f64 / COLUMNS as f64 + jitter(column > 0 && column < COLUMNS);
        let y = NORTH_M + (SOUTH_M - NORTH_M) * row as f64 / ROWS as f64 + jitter(row > 0 && row < ROWS);
        point(x, y)
    };
    let corners: Vec<Vec<Point>> =
        (0..=ROWS).map(|row| (0..=COLUMNS).map(|column| corner(column, row)).collect()).collect();
    let mut cells = Vec::new();
    for row in 0..ROWS {
        for column in 0..COLUMNS {
            let ring = [
                corners[row][column],
                corners[row + 1][column],
                corners[row + 1][column + 1],
                corners[row][column + 1],
            ];
            let area = ring.iter().zip(ring.iter().cycle().skip(1)).flat_map(|(a, b)| edge(*a, *b)).collect::<Vec<_>>();
            let number = row * COLUMNS + column + 1;
            let (zh, en) = UNITS[row];
            cells.push(Cell {
                id: format!("G{number:02}"),
                code: format!("{COUNTY}{:03}{:03}{:03}", if row < 3 { 1 } else { 2 }, row % 3 + 1, column + 1),
                name: Words::new(format!("{number:02} 号网格"), format!("Cell {number:02}")),
                unit: Words::new(zh, en),
                area: relief.place_all(&area),
            });
        }
    }
    cells
}

/// Points from `a` towards `b`, without `b`, so that the bent edges of neighbours stay together.
fn edge(a: Point, b: Point) -> impl Iterator<Item = Point> {
    (0..4).map(move |i| a + (b - a) * (f64::from(i) / 4.0))
}
