/// One series drawn with braille dots, two by four to a character.
struct MetricPlot {
  var name: String
  /// Steps and values, both finite, at least one; steps rise.
  var points: [(step: Double, value: Double)]

  /// The plot, `rows` lines high and `columns` wide with its axis, below a title line.
  func lines(columns: Int, rows: Int) -> [String] {
    guard let first = points.first, let last = points.last else { return [] }
    let low = points.map(\.value).min() ?? 0
    let high = points.map(\.value).max() ?? 0
    let labels = [Quantity.number(high), Quantity.number(low)]
    let labelWidth = labels.map(\.count).max() ?? 0
    var canvas = Canvas(columns: max(8, columns - labelWidth - 2), rows: rows)
    draw(on: &canvas, low: low, high: high)
    let title =
      "\(name)  last \(Quantity.number(last.value))  min \(Quantity.number(low))  "
      + "max \(Quantity.number(high))"
    let body = canvas.lines.enumerated().map { index, line in
      let label = index == 0 ? labels[0] : index == rows - 1 ? labels[1] : ""
      return String(repeating: " ", count: labelWidth - label.count) + label + " ┤" + line
    }
    let (from, to) = (Quantity.number(first.step), Quantity.number(last.step))
    let gap = max(1, canvas.columns - from.count - to.count)
    let axis =
      String(repeating: " ", count: labelWidth + 2) + from
      + String(repeating: " ", count: gap) + to
    return [title] + body + [axis]
  }

  private func draw(on canvas: inout Canvas, low: Double, high: Double) {
    let firstStep = points.first?.step ?? 0
    let steps = max((points.last?.step ?? 0) - firstStep, 1)
    // A flat line lies in the middle.
    let range = high > low ? high - low : 1
    let middle = high > low ? 0 : 0.5
    let dots = points.map { point in
      (
        x: Int((point.step - firstStep) / steps * Double(canvas.dotColumns - 1) + 0.5),
        y: Int((1 - (point.value - low) / range - middle) * Double(canvas.dotRows - 1) + 0.5)
      )
    }
    var previous = dots[0]
    for dot in dots {
      // Spikes are lines, not lone dots.
      let count = max(abs(dot.x - previous.x), abs(dot.y - previous.y), 1)
      for step in 0...count {
        canvas.set(
          x: previous.x + (dot.x - previous.x) * step / count,
          y: previous.y + (dot.y - previous.y) * step / count)
      }
      previous = dot
    }
  }
}

/// Unicode's braille block: U+2800 and a bit for each dot.
private struct Canvas {
  let columns: Int
  let rows: Int
  private var cells: [UInt8]

  init(columns: Int, rows: Int) {
    self.columns = columns
    self.rows = rows
    cells = Array(repeating: 0, count: columns * rows)
  }

  var dotColumns: Int { columns * 2 }
  var dotRows: Int { rows * 4 }

  mutating func set(x: Int, y: Int) {
    guard (0..<dotColumns).contains(x), (0..<dotRows).contains(y) else { return }
    // The first three rows are numbered down the columns; the fourth came to Unicode later.
    let bit = y % 4 == 3 ? 6 + x % 2 : y % 4 + x % 2 * 3
    cells[y / 4 * columns + x / 2] |= 1 << UInt8(bit)
  }

  var lines: [String] {
    (0..<rows).map { row in
      var line = String.UnicodeScalarView()
      for cell in cells[row * columns..<(row + 1) * columns] {
        if let scalar = Unicode.Scalar(0x2800 + UInt32(cell)) { line.append(scalar) }
      }
      return String(line)
    }
  }
}
