//! A little SVG: text, lines and bars on a canvas that is readable on light and on dark, in a page as
//! in an `<img>`. Colours are classes; the style sheet stands in each picture.

use std::fmt::Write as _;

/// Width of every picture.
pub(super) const WIDTH: f64 = 760.0;

/// The colours. Targets have `t0` (direct) to `t4`; `hue-0` … are their fills and strokes alike.
const STYLE: &str = "\
text{font:13px system-ui,-apple-system,'Segoe UI',sans-serif;fill:#1f2328}\
text.title{font-size:15px;font-weight:600}text.muted{fill:#59636e;font-size:12px}\
.back{fill:#fff}.axis{stroke:#d1d9e0;stroke-width:1}.goal{stroke:#1f2328;stroke-width:2}\
.range{stroke:#1f2328;stroke-width:1;opacity:.55}\
.met{fill:#2da44e}.near{fill:#d4a72c}.missed{fill:#cf222e}.unjudged{fill:#8c959f}\
.t0{fill:#8c959f;stroke:#8c959f}.t1{fill:#3b7dd8;stroke:#3b7dd8}.t2{fill:#d9652b;stroke:#d9652b}\
.t3{fill:#8250df;stroke:#8250df}.t4{fill:#1b7c83;stroke:#1b7c83}.pale{opacity:.5}\
.thin{stroke-width:2}.solid{stroke:none}\
@media(prefers-color-scheme:dark){text{fill:#e6edf3}text.muted{fill:#9198a1}.back{fill:#0d1117}\
.axis{stroke:#3d444d}.goal,.range{stroke:#e6edf3}.met{fill:#3fb950}.near{fill:#d29922}\
.missed{fill:#f85149}.unjudged{fill:#6e7681}.t0{fill:#7d8590;stroke:#7d8590}\
.t1{fill:#58a6ff;stroke:#58a6ff}.t2{fill:#f0883e;stroke:#f0883e}\
.t3{fill:#bc8cff;stroke:#bc8cff}.t4{fill:#39c5cf;stroke:#39c5cf}}";

/// Which end of a text its place is.
#[derive(Debug, Clone, Copy)]
pub(super) enum Anchor {
    Start,
    Middle,
    End,
}

/// A picture that is being drawn.
#[derive(Default)]
pub(super) struct Canvas {
    /// What lies under the rest.
    ground: String,
    body: String,
}

impl Canvas {
    /// Text on the baseline `y`.
    pub(super) fn text(&mut self, (x, y): (f64, f64), anchor: Anchor, class: &str, text: &str) {
        let anchor = match anchor {
            Anchor::Start => "start",
            Anchor::Middle => "middle",
            Anchor::End => "end",
        };
        // Writing to a string can't fail, here and below.
        let _ = write!(
            self.body,
            r#"<text x="{x:.1}" y="{y:.1}" text-anchor="{anchor}" class="{class}">{}</text>"#,
            escape(text)
        );
    }

    /// A bar from `x` to the right.
    pub(super) fn bar(&mut self, (x, y): (f64, f64), (width, height): (f64, f64), class: &str) {
        let width = width.max(1.0);
        let _ = write!(
            self.body,
            r#"<rect x="{x:.1}" y="{y:.1}" width="{width:.1}" height="{height:.1}" rx="2" class="{class}"/>"#
        );
    }

    /// A line.
    pub(super) fn line(&mut self, (x1, y1): (f64, f64), (x2, y2): (f64, f64), class: &str) {
        let _ = write!(
            self.body,
            r#"<line x1="{x1:.1}" y1="{y1:.1}" x2="{x2:.1}" y2="{y2:.1}" class="{class}"/>"#
        );
    }

    /// A line under everything else.
    pub(super) fn ground_line(&mut self, (x1, y1): (f64, f64), (x2, y2): (f64, f64)) {
        let _ = write!(
            self.ground,
            r#"<line x1="{x1:.1}" y1="{y1:.1}" x2="{x2:.1}" y2="{y2:.1}" class="axis"/>"#
        );
    }

    /// A dot.
    pub(super) fn dot(&mut self, (x, y): (f64, f64), radius: f64, class: &str) {
        let _ = write!(
            self.body,
            r#"<circle cx="{x:.1}" cy="{y:.1}" r="{radius}" class="{class}"/>"#
        );
    }

    /// The picture, so many units high; `title` is what a screen reader says.
    pub(super) fn finish(self, height: f64, title: &str) -> String {
        format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height:.0}\" \
             width=\"{WIDTH}\" height=\"{height:.0}\" role=\"img\" aria-label=\"{}\">\
             <style>{STYLE}</style><rect class=\"back\" width=\"{WIDTH}\" height=\"{height:.0}\"/>\
             {}{}</svg>\n",
            escape(title),
            self.ground,
            self.body
        )
    }
}

/// Text as it may stand in XML and HTML.
pub(super) fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}

/// A scale from figures to places.
#[derive(Debug, Clone, Copy)]
pub(super) struct Scale {
    from: f64,
    to: f64,
    logarithmic: bool,
    left: f64,
    right: f64,
}

impl Scale {
    /// From 0 up to at least `max`, between two places.
    pub(super) fn linear(max: f64, (left, right): (f64, f64)) -> Self {
        Self {
            from: 0.0,
            to: if max > 0.0 { max } else { 1.0 },
            logarithmic: false,
            left,
            right,
        }
    }

    /// Whole decades that hold all of the figures above zero.
    pub(super) fn logarithmic(
        figures: impl Iterator<Item = f64> + Clone,
        (left, right): (f64, f64),
    ) -> Self {
        let above = figures.filter(|figure| *figure > 0.0);
        let min = above.clone().fold(f64::INFINITY, f64::min);
        let max = above.fold(0.0, f64::max);
        let (from, to) = if max > 0.0 {
            // Less than the least, so that the least has a bar too.
            ((min * 0.7).log10().floor(), max.log10().ceil())
        } else {
            (0.0, 1.0)
        };
        Self {
            from,
            to: if to > from { to } else { from + 1.0 },
            logarithmic: true,
            left,
            right,
        }
    }

    /// Where a figure stands; what is beyond the scale stands at its end.
    pub(super) fn place(&self, figure: f64) -> f64 {
        let figure = if self.logarithmic {
            if figure > 0.0 {
                figure.log10()
            } else {
                self.from
            }
        } else {
            figure
        };
        let share = ((figure - self.from) / (self.to - self.from)).clamp(0.0, 1.0);
        self.left + share * (self.right - self.left)
    }

    /// The figures to mark.
    pub(super) fn ticks(&self) -> Vec<f64> {
        if self.logarithmic {
            let decades = (self.to - self.from) as i32;
            return (0..=decades)
                .map(|step| 10_f64.powf(self.from + f64::from(step)))
                .collect();
        }
        let step = [0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0]
            .into_iter()
            .find(|step| self.to / step <= 8.0)
            .unwrap_or(self.to / 4.0);
        let count = (self.to / step).floor() as u32;
        (0..=count).map(|at| f64::from(at) * step).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_escaped() {
        let mut canvas = Canvas::default();
        canvas.text((1.0, 2.0), Anchor::Start, "muted", "a < b & \"c\"");
        let svg = canvas.finish(10.0, "<t>");
        assert!(svg.contains("a &lt; b &amp; &quot;c&quot;"));
        assert!(svg.contains("aria-label=\"&lt;t&gt;\""));
    }

    #[test]
    fn logarithmic_scales_hold_whole_decades() {
        let scale = Scale::logarithmic([20.0, 3000.0, -1.0].into_iter(), (0.0, 300.0));
        assert_eq!(scale.ticks(), [10.0, 100.0, 1000.0, 10_000.0]);
        assert!((scale.place(100.0) - 100.0).abs() < 1e-9);
        assert_eq!(scale.place(0.0), 0.0);
        assert_eq!(scale.place(1e9), 300.0);
    }

    #[test]
    fn linear_scales_begin_at_zero() {
        let scale = Scale::linear(2.0, (100.0, 300.0));
        assert_eq!((scale.place(0.0), scale.place(1.0)), (100.0, 200.0));
        assert_eq!(scale.ticks().first(), Some(&0.0));
        assert!(scale.ticks().len() <= 9);
        assert!(Scale::linear(0.0, (0.0, 1.0)).place(0.5).is_finite());
    }
}
