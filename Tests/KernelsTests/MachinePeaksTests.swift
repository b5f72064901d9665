import Kernels
import Testing

struct MachinePeaksTests {
  @Test(arguments: InstructionSet.available)
  func `every figure is there, whatever the instruction set`(set: InstructionSet) {
    let peaks = MachinePeaks.measured(team: ComputeTeam(threadCount: 2), instructionSet: set)
    #expect(peaks.threads == 2)
    for figure in [
      peaks.fp32PerSecond, peaks.bf16PerSecond, peaks.int16PerSecond, peaks.int8PerSecond,
      peaks.readBytesPerSecond, peaks.updateBytesPerSecond,
    ] {
      #expect(figure.isFinite && figure > 0)
    }
  }
}
