internal import Foundation

/// Figures as people read them; a dash where nothing was measured.
enum FigureText {
  static let missing = "–"

  /// A share from 0 to 1 in percent.
  static func percent(_ share: Double?) -> String {
    share.map { String(format: "%.1f %%", 100 * $0) } ?? missing
  }

  /// Four significant digits, without a power of ten between 0.001 and a million.
  static func number(_ value: Double?) -> String {
    guard let value, value.isFinite else { return missing }
    let size = abs(value)
    if size == 0 { return "0" }
    if size >= 1e6 || size < 1e-3 { return String(format: "%.2e", value) }
    if size >= 1000 { return String(format: "%.0f", value) }
    let decimals = size >= 100 ? 1 : size >= 10 ? 2 : size >= 1 ? 3 : 4
    return String(format: "%.\(decimals)f", value)
  }

  /// A task's figure and its interval, shares in percent: `91.2 % (89.0–93.1)`.
  static func figure(_ figure: TaskReport.Figure?) -> String {
    guard let figure, let value = figure.value, value.isFinite else { return missing }
    // BLEU is not a share, and Matthews' correlation is none that reads well in percent.
    let isShare = figure.metric != "bleu" && figure.metric != "matthews"
    let text = { (value: Double) in
      isShare ? String(format: "%.1f", 100 * value) : number(value)
    }
    let interval =
      if let lower = figure.lower, let upper = figure.upper {
        " (\(text(lower))–\(text(upper)))"
      } else { "" }
    return text(value) + (isShare ? " %" : "") + interval
  }

  /// Bytes in units of 1024.
  static func bytes(_ count: Int?) -> String {
    guard let count else { return missing }
    var value = Double(count)
    for unit in ["B", "KiB", "MiB", "GiB"] {
      if abs(value) < 1024 || unit == "GiB" {
        return String(format: unit == "B" ? "%.0f %@" : "%.2f %@", value, unit as NSString)
      }
      value /= 1024
    }
    return missing
  }

  /// Tokens a second.
  static func speed(_ tokensPerSecond: Double?) -> String {
    tokensPerSecond.map { "\(number($0)) tok/s" } ?? missing
  }

  /// A count in thousands, millions or billions.
  static func count(_ value: Int?) -> String {
    guard let value else { return missing }
    for (size, unit) in [(1e9, " B"), (1e6, " M"), (1e3, " k")] where Double(value) >= size {
      return String(format: "%.2f", Double(value) / size) + unit
    }
    return "\(value)"
  }

  /// Minutes and seconds.
  static func duration(_ seconds: Double?) -> String {
    guard let seconds, seconds.isFinite, seconds >= 0, seconds < 1e9 else { return missing }
    if seconds < 60 { return String(format: "%.1f s", seconds) }
    let whole = Int(seconds.rounded())
    let (hours, minutes) = (whole / 3600, whole / 60 % 60)
    return (hours > 0 ? "\(hours) h " : "") + "\(minutes) min \(whole % 60) s"
  }
}
