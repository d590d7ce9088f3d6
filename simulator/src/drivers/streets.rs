//! The streets drivers move in: a grid of blocks with lots at some corners and signs at others.

/// Metres of a block.
pub const BLOCK_M: f64 = 100.0;
/// Seconds a block takes to drive: 25 km/h with its junction.
pub const BLOCK_S: u32 = 14;
/// Metres walked in a second.
pub const WALK_M_S: f64 = 1.3;

/// A corner of the grid.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Corner {
    /// From the west.
    pub x: i32,
    /// From the south.
    pub y: i32,
}

impl Corner {
    /// Blocks between two corners.
    pub fn blocks_to(self, other: Self) -> u32 {
        self.x.abs_diff(other.x) + self.y.abs_diff(other.y)
    }

    /// Metres walked between two corners.
    pub fn walk_m(self, other: Self) -> f64 {
        f64::from(self.blocks_to(other)) * BLOCK_M
    }

    /// The next corner on the way to another: the longer leg first, so that all who go the same way pass the same signs.
    #[must_use]
    pub fn towards(self, other: Self) -> Self {
        let (dx, dy) = (other.x - self.x, other.y - self.y);
        if dx.abs() >= dy.abs() && dx != 0 {
            Self { x: self.x + dx.signum(), ..self }
        } else {
            Self { y: self.y + dy.signum(), ..self }
        }
    }
}

/// A lot at a corner.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// Its id.
    pub id: String,
    /// Where.
    pub at: Corner,
    /// Places.
    pub capacity: u32,
}

/// The grid with its lots and signs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Streets {
    /// Corners in each direction.
    pub size: i32,
    /// Lots.
    pub lots: Vec<Place>,
    /// Corners with a sign that tells of every lot.
    pub signs: Vec<Corner>,
}

impl Streets {
    /// A town centre of ten by ten blocks, eight lots of 15 to 80 places (320 in all), signs where drivers enter
    /// and at nine corners inside.
    pub fn centre() -> Self {
        const LOTS: [(i32, i32, u32); 8] =
            [(2, 2, 15), (5, 2, 60), (8, 3, 30), (3, 5, 40), (6, 5, 80), (8, 7, 25), (2, 8, 50), (5, 8, 20)];
        let place = |(index, (x, y, capacity)): (usize, (i32, i32, u32))| Place {
            id: format!("L{}", index + 1),
            at: Corner { x, y },
            capacity,
        };
        let size = 11;
        let rim = |at: &Corner| at.x == 0 || at.y == 0 || at.x == size - 1 || at.y == size - 1;
        let inside = |at: &Corner| at.x % 3 == 1 && at.y % 3 == 1;
        let corners = (0..size).flat_map(|x| (0..size).map(move |y| Corner { x, y }));
        Self {
            size,
            lots: LOTS.into_iter().enumerate().map(place).collect(),
            signs: corners.filter(|at| rim(at) || inside(at)).collect(),
        }
    }

    /// All places of all lots.
    pub fn capacity(&self) -> u32 {
        self.lots.iter().map(|lot| lot.capacity).sum()
    }
}
