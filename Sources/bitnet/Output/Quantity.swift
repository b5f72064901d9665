internal import Foundation

/// Numbers as people read them.
enum Quantity {
  /// `45s`, `3m 20s`, `2h 05m`, `3d 4h`.
  static func duration(seconds: Double) -> String {
    guard seconds.isFinite, seconds >= 0, seconds < 1e12 else { return "?" }
    let whole = Int(seconds.rounded())
    let (days, hours, minutes) = (whole / 86_400, whole / 3600 % 24, whole / 60 % 60)
    if days > 0 { return "\(days)d \(hours)h" }
    if hours > 0 { return "\(hours)h \(twoDigits(minutes))m" }
    if minutes > 0 { return "\(minutes)m \(twoDigits(whole % 60))s" }
    return "\(whole)s"
  }

  /// Three digits and a letter: `999`, `12.3k`, `7.24B`.
  static func count(_ value: Double) -> String {
    guard value.isFinite else { return "?" }
    for (size, letter) in [(1e12, "T"), (1e9, "B"), (1e6, "M"), (1e3, "k")]
    where abs(value) >= size * 0.9995 {
      return significant(value / size) + letter
    }
    return significant(value)
  }

  /// `512 B`, `3.21 MiB`.
  static func bytes(_ value: Double) -> String {
    var value = value
    var units = ["B", "KiB", "MiB", "GiB", "TiB"][...]
    while abs(value) >= 1000, units.count > 1 {
      value /= 1024
      units = units.dropFirst()
    }
    return "\(significant(value)) \(units.first ?? "B")"
  }

  /// About four significant digits, as a loss or a learning rate is read.
  static func number(_ value: Double) -> String {
    guard value.isFinite else { return "?" }
    if value == value.rounded(), abs(value) < 1e7 { return String(Int(value)) }
    return String(format: "%.4g", value)
  }

  private static func significant(_ value: Double) -> String {
    if value == value.rounded(), abs(value) < 1000 { return String(Int(value)) }
    return String(
      format: abs(value) >= 99.95 ? "%.0f" : abs(value) >= 9.995 ? "%.1f" : "%.2f", value)
  }

  private static func twoDigits(_ value: Int) -> String { value < 10 ? "0\(value)" : "\(value)" }
}
