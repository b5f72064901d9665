internal import CKernels
internal import Foundation

/// What this machine can do at most, measured: the figure beside which a product or a pass over
/// memory is judged.
///
/// Arithmetic is of independent instructions on registers, two operations a multiply-add; memory is
/// of buffers that no cache holds.
package struct MachinePeaks: Codable, Equatable, Sendable {
  /// Threads that did it together.
  package let threads: Int
  /// Operations per second of fp32 multiply-adds.
  package let fp32PerSecond: Double
  /// Operations per second of bf16 products summed in fp32 (`vdpbf16ps`); fp32's without it.
  package let bf16PerSecond: Double
  /// Operations per second of int16 products summed in int32 (`vpdpwssd`).
  package let int16PerSecond: Double
  /// Operations per second of int8 products summed in int32 (`vpdpbusd`).
  package let int8PerSecond: Double
  /// Bytes per second that are read.
  package let readBytesPerSecond: Double
  /// Bytes per second of the optimizer's traffic: four vectors read, three of them written back.
  package let updateBytesPerSecond: Double

  enum CodingKeys: String, CodingKey {
    case threads
    case fp32PerSecond = "fp32_per_second"
    case bf16PerSecond = "bf16_per_second"
    case int16PerSecond = "int16_per_second"
    case int8PerSecond = "int8_per_second"
    case readBytesPerSecond = "read_bytes_per_second"
    case updateBytesPerSecond = "update_bytes_per_second"
  }

  private typealias Rounds = @convention(c) (Int) -> Double

  /// Measures for about 0.3 seconds, with 96 MiB of memory; for longer and with more where the last
  /// cache holds more. The best of several rounds each, because a neighbour can only take away.
  ///
  /// - Parameter instructionSet: whose instructions; at most what this CPU supports.
  package static func measured(
    team: ComputeTeam, instructionSet: InstructionSet = .active
  ) -> MachinePeaks {
    let fp32: Rounds = instructionSet.choose(
      peak_fp32_reference, peak_fp32_avx2, peak_fp32_avx512)
    let bf16: Rounds = instructionSet.choose(
      peak_fp32_reference, peak_fp32_avx2, peak_bf16_avx512)
    let int16: Rounds = instructionSet.choose(
      peak_int16_reference, peak_int16_avx2, peak_int16_avx512)
    let int8: Rounds = instructionSet.choose(
      peak_int16_reference, peak_int8_avx2, peak_int8_avx512)
    let memory = Memory(instructionSet, team: team)
    return MachinePeaks(
      threads: team.threadCount, fp32PerSecond: arithmetic(fp32, team: team),
      bf16PerSecond: arithmetic(bf16, team: team),
      int16PerSecond: arithmetic(int16, team: team),
      int8PerSecond: arithmetic(int8, team: team),
      readBytesPerSecond: memory.readRate(team: team),
      updateBytesPerSecond: memory.updateRate(team: team))
  }

  private static func arithmetic(_ kernel: Rounds, team: ComputeTeam) -> Double {
    // About 4 milliseconds at 8 cycles a round: the CPU needs some to reach its clock.
    let rounds = 1 << 21
    return best(of: 5) {
      team.parallelRows(team.threadCount) { range in
        for _ in range { _ = kernel(rounds) }
      }
      return Double(team.threadCount * rounds) * kernel(1)
    }
  }

  /// The highest of `count` rates of what `work` says that it did.
  private static func best(of count: Int, _ work: () -> Double) -> Double {
    var best = 0.0
    for _ in 0..<count {
      let start = ContinuousClock.now
      let done = work()
      let seconds = (ContinuousClock.now - start) / .seconds(1)
      best = max(best, done / seconds)
    }
    return best
  }

  /// Four vectors, each as large as the last cache, so that hardly anything of them is in it when they
  /// are read again.
  private struct Memory {
    /// Of one vector.
    let count: Int
    let instructionSet: InstructionSet
    let vectors: [AlignedBuffer<Float>]

    init(_ instructionSet: InstructionSet, team: ComputeTeam) {
      self.instructionSet = instructionSet
      // A virtual machine may be told of a cache that is larger than what it can spare.
      let cache = max(0, sysconf(Int32(_SC_LEVEL3_CACHE_SIZE)))
      let limit = ProcessInfo.processInfo.physicalMemory / 8
      let bytes = max(96 << 20, min(4 * cache, Int(clamping: limit)))
      let count = bytes / 16 & ~1023
      self.count = count
      let vectors = (0..<4).map { _ in AlignedBuffer<Float>(count: count) }
      // Pages that were never written are all the same one, which a cache holds.
      team.parallelRows(count, grain: 1024) { range in
        for vector in vectors {
          memset(vector.pointer + range.lowerBound, 0, range.count * MemoryLayout<Float>.stride)
        }
      }
      self.vectors = vectors
    }

    func readRate(team: ComputeTeam) -> Double {
      let read = instructionSet.choose(
        memory_read_reference, memory_read_avx2, memory_read_avx512)
      return MachinePeaks.best(of: 6) {
        for vector in vectors {
          vector.pointer.withMemoryRebound(to: UInt64.self, capacity: count / 2) { words in
            team.parallelRows(count / 2, grain: 64) {
              _ = read(words + $0.lowerBound, $0.count)
            }
          }
        }
        return Double(4 * 4 * count)
      }
    }

    func updateRate(team: ComputeTeam) -> Double {
      let update = instructionSet.choose(
        memory_update_reference, memory_update_avx2, memory_update_avx512)
      let (a, b, c, d) = (vectors[0], vectors[1], vectors[2], vectors[3])
      return MachinePeaks.best(of: 6) {
        team.parallelRows(count, grain: 64) { range in
          let first = range.lowerBound
          update(
            a.pointer + first, b.pointer + first, c.pointer + first, d.pointer + first, range.count)
        }
        return Double(28 * count)
      }
    }
  }
}
