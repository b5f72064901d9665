internal import Foundation

/// Curves over steps as an inline SVG drawing.
struct LineChart {
  let plot: ReportContent.Plot

  private static let (width, height) = (640.0, 280.0)
  private static let (left, right, top, bottom) = (56.0, 12.0, 12.0, 34.0)
  /// More points than pixels only make the page heavy.
  private static let bucketsMax = 320

  /// The drawing; empty when there is nothing to draw.
  var svg: String {
    let curves = plot.curves.map { curve in
      (name: curve.name, points: Self.thinned(curve.points.filter { $0.value.isFinite }))
    }
    let points = curves.flatMap(\.points)
    guard let last = points.map(\.step).max(), let first = points.map(\.step).min(),
      let lowest = points.map(\.value).min(), let highest = points.map(\.value).max()
    else { return "" }
    let axis = ValueAxis(lowest: lowest, highest: highest)
    let plotWidth = Self.width - Self.left - Self.right
    let plotHeight = Self.height - Self.top - Self.bottom
    func x(_ step: Double) -> Double {
      Self.left + plotWidth * (last > first ? (step - first) / (last - first) : 0.5)
    }
    func y(_ value: Double) -> Double { Self.top + plotHeight * (1 - axis.share(of: value)) }

    var marks: [String] = []
    for tick in axis.ticks {
      let place = Self.text(y(tick))
      marks.append(
        #"<line class="grid" x1="\#(Self.text(Self.left))" x2="\#(Self.text(Self.width - Self.right))" y1="\#(place)" y2="\#(place)"/>"#
      )
      marks.append(
        #"<text class="tick end" x="\#(Self.text(Self.left - 6))" y="\#(Self.text(y(tick) + 4))">\#(Self.tickText(tick))</text>"#
      )
    }
    for tick in ValueAxis.roundTicks(from: first, to: last) {
      marks.append(
        #"<text class="tick middle" x="\#(Self.text(x(tick)))" y="\#(Self.text(Self.height - 16))">\#(Self.text(tick))</text>"#
      )
    }
    marks.append(
      #"<text class="tick middle" x="\#(Self.text(Self.left + plotWidth / 2))" y="\#(Self.text(Self.height - 2))">step</text>"#
    )
    for (index, curve) in curves.enumerated() {
      let path = curve.points.map { "\(Self.text(x($0.step))),\(Self.text(y($0.value)))" }
      marks.append(
        #"<polyline class="curve s\#(index % 6)" points="\#(path.joined(separator: " "))"/>"#)
    }
    let legend = curves.enumerated().map { index, curve in
      #"<li><span class="key s\#(index % 6)"></span>\#(HTMLText.escaped(curve.name))</li>"#
    }
    return """
      <figure><figcaption>\(HTMLText.escaped(plot.title)) <small>\(HTMLText.escaped(plot.unit))\
      \(axis.isLogarithmic ? ", logarithmic" : "")</small></figcaption>
      <svg viewBox="0 0 \(Self.text(Self.width)) \(Self.text(Self.height))" role="img" \
      aria-label="\(HTMLText.escaped(plot.title))">\(marks.joined())</svg>
      <ul class="legend">\(legend.joined())</ul></figure>
      """
  }

  /// The lowest and highest point of each bucket of steps, so that no spike is lost.
  static func thinned(
    _ points: [(step: Double, value: Double)]
  ) -> [(step: Double, value: Double)] {
    guard points.count > 2 * bucketsMax else { return points }
    return (0..<bucketsMax).flatMap { bucket in
      let from = points.count * bucket / bucketsMax
      let to = points.count * (bucket + 1) / bucketsMax
      let part = points[from..<to].enumerated()
      let ends = [
        part.min { $0.element.value < $1.element.value },
        part.max { $0.element.value < $1.element.value },
      ].compactMap(\.self).sorted { $0.offset < $1.offset }
      return ends.map(\.element)
    }
  }

  /// As few digits as tell neighbouring ticks apart.
  private static func tickText(_ value: Double) -> String { String(format: "%.4g", value) }

  private static func text(_ value: Double) -> String {
    let rounded = (value * 10).rounded() / 10
    return rounded == rounded.rounded() ? String(format: "%.0f", rounded) : "\(rounded)"
  }
}

/// Where values lie on a vertical axis.
struct ValueAxis {
  let isLogarithmic: Bool
  let ticks: [Double]
  private let from: Double
  private let to: Double

  /// An axis that holds both; logarithmic when they are more than a power of ten apart.
  init(lowest: Double, highest: Double) {
    isLogarithmic = lowest > 0 && highest / lowest > 12
    if isLogarithmic {
      (from, to) = (log10(lowest), log10(highest))
      let powers = Int(floor(from))...Int(ceil(to))
      let candidates = powers.flatMap { power in [1, 2, 5].map { $0 * pow(10, Double(power)) } }
      let shown = candidates.filter { (lowest...highest).contains($0) }
      ticks = shown.count > 8 ? shown.filter { log10($0) == log10($0).rounded() } : shown
    } else {
      let spread = highest > lowest ? (highest - lowest) * 0.04 : max(abs(highest), 1) * 0.1
      (from, to) = (lowest - spread, highest + spread)
      ticks = Self.roundTicks(from: from, to: to)
    }
  }

  /// 0 at the bottom, 1 at the top.
  func share(of value: Double) -> Double {
    ((isLogarithmic ? log10(value) : value) - from) / (to - from)
  }

  /// About five multiples of 1, 2 or 5 times a power of ten.
  static func roundTicks(from: Double, to: Double) -> [Double] {
    guard to > from else { return [from] }
    let rough = (to - from) / 5
    let power = pow(10, floor(log10(rough)))
    let step = ([1, 2, 5, 10].first { $0 * power >= rough } ?? 10) * power
    let first = Int((from / step).rounded(.up))
    let last = Int((to / step).rounded(.down))
    guard first <= last else { return [from] }
    return (first...last).map { Double($0) * step }
  }
}
