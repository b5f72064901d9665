import ArgumentParser
import Foundation

/// bench/kernels_peer.py: the same product by PyTorch, oneDNN and OpenBLAS, one question a line.
final class PeerProcess {
  private let process = Process()
  private let questions = Pipe()
  private let answers = Pipe()

  private struct Answer: Decodable {
    let peer: String
    let gops: Double
  }

  init(python: String, script: String, threads: Int, seconds: Double) throws {
    process.executableURL = URL(fileURLWithPath: python)
    process.arguments = [script, "\(threads)", "\(seconds)"]
    process.standardInput = questions
    process.standardOutput = answers
    try process.run()
  }

  /// The best of the peers, in GOP/s.
  func measure(_ product: ProductCase) throws -> (name: String, value: Double) {
    let kind: String
    switch product.kind {
    case .forward: kind = "int8"
    case .nt: kind = "nt"
    case .inputGradient, .nn: kind = "nn"
    case .weightGradient, .tn: kind = "tn"
    }
    let question = "\(kind) \(product.precision) \(product.m) \(product.n) \(product.k)\n"
    try questions.fileHandleForWriting.write(contentsOf: Data(question.utf8))
    var line = Data()
    while line.last != UInt8(ascii: "\n") {
      guard let byte = try answers.fileHandleForReading.read(upToCount: 1), !byte.isEmpty else {
        throw ValidationError("the peer ended at \(product.name)")
      }
      line += byte
    }
    let answer = try JSONDecoder().decode(Answer.self, from: line)
    return (answer.peer, answer.gops)
  }

  func end() throws {
    try questions.fileHandleForWriting.close()
    process.waitUntilExit()
  }
}
