import Testing

@testable import Distillation

struct LossScalerTests {
  @Test func `doubles after 2000 clean steps and halves on an overflow`() {
    var scaler = LossScaler()
    #expect(scaler.scale == 65536)
    for _ in 0..<1999 { scaler.stepWasClean() }
    #expect(scaler.scale == 65536)
    scaler.stepWasClean()
    #expect(scaler.scale == 131072)
    let goesOn = scaler.stepOverflowed()
    #expect(goesOn)
    #expect(scaler.scale == 65536)
    #expect(scaler.cleanSteps == 0)
  }

  @Test func `gives up at a scale of 1`() {
    var scaler = LossScaler(scale: 2)
    let verdicts = [scaler.stepOverflowed(), scaler.stepOverflowed()]
    #expect(verdicts == [true, false])
    #expect(scaler.scale == 1)
  }
}
