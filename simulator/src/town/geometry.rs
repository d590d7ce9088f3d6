//! Plane geometry in metres: points, lines along streets, polygons and their overlaps.

use std::ops::{Add, Mul, Sub};

/// A place or a direction on the plane, metres east and north of the town's middle.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Point {
    /// Metres east.
    pub x: f64,
    /// Metres north.
    pub y: f64,
}

/// Writes a point.
pub const fn point(x: f64, y: f64) -> Point {
    Point { x, y }
}

impl Add for Point {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        point(self.x + other.x, self.y + other.y)
    }
}
impl Sub for Point {
    type Output = Self;
    fn sub(self, other: Self) -> Self {
        point(self.x - other.x, self.y - other.y)
    }
}
impl Mul<f64> for Point {
    type Output = Self;
    fn mul(self, factor: f64) -> Self {
        point(self.x * factor, self.y * factor)
    }
}

impl Point {
    /// Distance from the origin.
    pub fn length(self) -> f64 {
        self.x.hypot(self.y)
    }
    /// The same direction with length 1.
    #[must_use]
    pub fn unit(self) -> Self {
        let length = self.length().max(1e-9);
        self * (1.0 / length)
    }
    /// Turned a quarter to the left.
    #[must_use]
    pub fn left(self) -> Self {
        point(-self.y, self.x)
    }
    /// Compass direction, degrees clockwise from north, 0 to 360.
    pub fn bearing_deg(self) -> f64 {
        self.x.atan2(self.y).to_degrees().rem_euclid(360.0)
    }
    fn cross(self, other: Self) -> f64 {
        self.x * other.y - self.y * other.x
    }
    fn dot(self, other: Self) -> f64 {
        self.x * other.x + self.y * other.y
    }
}

/// A smooth line through `nodes`, with a point about every 20 m; every node stays on it.
pub fn spline(nodes: &[Point]) -> Vec<Point> {
    let Some(&last) = nodes.last() else { return Vec::new() };
    let mut out = Vec::new();
    for i in 0..nodes.len() - 1 {
        let (a, b) = (nodes[i], nodes[i + 1]);
        let before = if i == 0 { a + (a - b) } else { nodes[i - 1] };
        let after = nodes.get(i + 2).copied().unwrap_or(b + (b - a));
        let span = (b - a).length();
        let enter = (b - before).unit() * (span * 0.5);
        let leave = (after - a).unit() * (span * 0.5);
        let steps = (span / 20.0).ceil().max(1.0) as usize;
        for step in 0..steps {
            let t = step as f64 / steps as f64;
            let (t2, t3) = (t * t, t * t * t);
            out.push(
                a * (2.0 * t3 - 3.0 * t2 + 1.0)
                    + enter * (t3 - 2.0 * t2 + t)
                    + b * (3.0 * t2 - 2.0 * t3)
                    + leave * (t3 - t2),
            );
        }
    }
    out.push(last);
    out
}

/// Length of a line, metres.
pub fn length(line: &[Point]) -> f64 {
    line.windows(2).map(|pair| (pair[1] - pair[0]).length()).sum()
}

/// The point at `s` metres along a line, and the direction there.
pub fn along(line: &[Point], s: f64) -> (Point, Point) {
    let mut rest = s.max(0.0);
    for pair in line.windows(2) {
        let span = (pair[1] - pair[0]).length();
        if rest <= span {
            let direction = (pair[1] - pair[0]).unit();
            return (pair[0] + direction * rest, direction);
        }
        rest -= span;
    }
    match line {
        [.., a, b] => (*b, (*b - *a).unit()),
        _ => (point(0.0, 0.0), point(1.0, 0.0)),
    }
}

/// The nearest point of a line: distance, and how far along, metres.
pub fn nearest(line: &[Point], p: Point) -> (f64, f64) {
    let mut best = (f64::INFINITY, 0.0);
    let mut before = 0.0;
    for pair in line.windows(2) {
        let span = pair[1] - pair[0];
        let t = ((p - pair[0]).dot(span) / span.dot(span).max(1e-9)).clamp(0.0, 1.0);
        let distance = (p - (pair[0] + span * t)).length();
        if distance < best.0 {
            best = (distance, before + span.length() * t);
        }
        before += span.length();
    }
    best
}

/// The band beside a line from `s0` to `s1`, between two distances to the left of it (negative: right).
pub fn band(line: &[Point], s0: f64, s1: f64, near: f64, far: f64) -> Vec<Point> {
    let steps = ((s1 - s0) / 20.0).ceil().max(1.0) as usize;
    let place = |step: usize, offset: f64| {
        let (p, direction) = along(line, s0 + (s1 - s0) * step as f64 / steps as f64);
        p + direction.left() * offset
    };
    (0..=steps).map(|step| place(step, near)).chain((0..=steps).rev().map(|step| place(step, far))).collect()
}

/// A rectangle standing on `front` (its front edge's middle), `depth` deep towards `inward`.
pub fn rectangle(front: Point, inward: Point, width: f64, depth: f64) -> Vec<Point> {
    let side = inward.left() * (width / 2.0);
    vec![front + side, front - side, front - side + inward * depth, front + side + inward * depth]
}

/// The mean of a polygon's corners.
pub fn middle(polygon: &[Point]) -> Point {
    polygon.iter().fold(point(0.0, 0.0), |sum, p| sum + *p) * (1.0 / polygon.len().max(1) as f64)
}

/// Whether a polygon holds a point.
pub fn contains(polygon: &[Point], p: Point) -> bool {
    let mut inside = false;
    let mut j = polygon.len().saturating_sub(1);
    for i in 0..polygon.len() {
        let (a, b) = (polygon[i], polygon[j]);
        if (a.y > p.y) != (b.y > p.y) && p.x < (b.x - a.x) * (p.y - a.y) / (b.y - a.y) + a.x {
            inside = !inside;
        }
        j = i;
    }
    inside
}

fn segments_cross(a: Point, b: Point, c: Point, d: Point) -> bool {
    let (ab, cd) = (b - a, d - c);
    ab.cross(c - a) * ab.cross(d - a) < 0.0 && cd.cross(a - c) * cd.cross(b - c) < 0.0
}

fn sides(polygon: &[Point]) -> impl Iterator<Item = (Point, Point)> {
    polygon.iter().copied().zip(polygon.iter().copied().cycle().skip(1))
}

/// Whether two polygons share ground.
pub fn overlap(a: &[Point], b: &[Point]) -> bool {
    sides(a).any(|(p, q)| sides(b).any(|(r, s)| segments_cross(p, q, r, s)))
        || a.iter().any(|p| contains(b, *p))
        || b.iter().any(|p| contains(a, *p))
        || contains(a, middle(b))
}

/// Distance between a polygon and a segment; 0 where they touch.
pub fn distance_to_segment(polygon: &[Point], a: Point, b: Point) -> f64 {
    if contains(polygon, a) || sides(polygon).any(|(p, q)| segments_cross(p, q, a, b)) {
        return 0.0;
    }
    let corners = polygon.iter().map(|p| nearest(&[a, b], *p).0);
    let ends = sides(polygon).flat_map(|(p, q)| [nearest(&[p, q], a).0, nearest(&[p, q], b).0]);
    corners.chain(ends).fold(f64::INFINITY, f64::min)
}

/// South-west and north-east corners.
pub fn bounds(points: &[Point]) -> (Point, Point) {
    points
        .iter()
        .fold((point(f64::INFINITY, f64::INFINITY), point(f64::NEG_INFINITY, f64::NEG_INFINITY)), |(low, high), p| {
            (point(low.x.min(p.x), low.y.min(p.y)), point(high.x.max(p.x), high.y.max(p.y)))
        })
}
