/// One step of the database's schema, from the SQL file of the same number in this folder.
///
/// Steps only go forward, and a released file is never edited: what it did is in databases that
/// people have.
package struct Migration: Sendable {
  /// 1, 2, 3, …, without gaps.
  package let number: Int
  /// Several statements.
  package let sql: String

  private init(number: Int, bytes: [UInt8]) {
    self.number = number
    sql = String(decoding: bytes, as: UTF8.self)
  }

  /// Every step in its order. A new file is added here and to the target's resources.
  package static let all = [
    // The package manager replaces the first digit of the file's name.
    Migration(number: 1, bytes: PackageResources._001_create_jobs_sql),
    Migration(number: 2, bytes: PackageResources._002_add_convert_jobs_sql),
  ]
}
