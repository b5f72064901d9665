package import Kernels
package import Transformer

/// What one step did.
package struct StepReport: Equatable, Sendable {
  /// What happened to the activations.
  package enum FlipEvent: String, Codable, Sendable {
    case flipped
    case rolledBack = "rolled_back"
  }

  /// The step's number, counted from 0.
  package let step: Int
  /// The training loss.
  package let loss: Double
  /// Each term's mean over its targets.
  package let raw: TermValues
  /// Each term's share of `loss`.
  package let weighted: TermValues
  /// The norm of each weighted term's gradient by the logits; of the attention relations, by queries,
  /// keys and values.
  package let termGradientNorms: TermValues
  /// γ of the attention relations; nil without them.
  package let relationWeight: Double?
  /// The gradient's global norm before clipping; nil when it was not finite.
  package let gradientNorm: Double?
  /// What the gradient was multiplied by, at most 1.
  package let clipFactor: Double
  /// The scheduled learning rate.
  package let learningRate: Double
  /// Tokens with a loss.
  package let targetTokens: Int
  /// Tokens that went through the model, without padding.
  package let inputTokens: Int
  /// Target rows without a usable teacher signal.
  package let invalidRows: Int
  /// Wall time of the whole step.
  package let seconds: Double
  /// The part of it in which the step waited for its batches.
  package let dataWaitSeconds: Double
  /// Width of activations; nil when nothing is quantized.
  package let activationBits: ActivationBits?
  /// How much of the quantizers' rounding counted, 0 ... 1; nil when it was not ramped up.
  package let quantizationStrength: Float?
  /// What happened to the activations before (flipped) or after (rolled back) this step.
  package let flip: FlipEvent?
  /// The tensor whose gradient was not finite, for which the step changed nothing; nil otherwise.
  package let skippedFor: String?
  /// The loss scale of this step; nil unless the precision is fp16.
  package let lossScale: Float?
  /// The count of trits, on the steps that count them.
  package let trits: TritCensus?
  /// Where the time went.
  package let profile: StepProfile

  /// Input tokens a second.
  package var tokensPerSecond: Double { Double(inputTokens) / seconds }

  /// Everything that goes into a metric series; a value that was not measured is left out.
  package var metrics: [(name: String, value: Double)] {
    var metrics: [(name: String, value: Double)] = [
      ("loss", loss), ("loss_ce", raw.ce), ("loss_ce_weighted", weighted.ce),
      ("learning_rate", learningRate), ("clip_factor", clipFactor),
      ("target_tokens", Double(targetTokens)), ("tokens_per_s", tokensPerSecond),
      ("step_s", seconds), ("data_wait_s", dataWaitSeconds),
      ("product_share", profile.productShare), ("gradient_norm_ce", termGradientNorms.ce),
      ("invalid_rows", Double(invalidRows)),
    ]
    if weighted.kd != 0 || raw.kd != 0 {
      metrics += [
        ("loss_kd", raw.kd), ("loss_kd_weighted", weighted.kd),
        ("gradient_norm_kd", termGradientNorms.kd),
      ]
    }
    if weighted.format != 0 {
      metrics += [
        ("loss_format", raw.format), ("loss_format_weighted", weighted.format),
        ("gradient_norm_format", termGradientNorms.format),
      ]
    }
    if let relationWeight {
      metrics += [
        ("loss_ad", raw.ad), ("loss_ad_weighted", weighted.ad),
        ("gradient_norm_ad", termGradientNorms.ad), ("relation_weight", relationWeight),
      ]
    }
    if let gradientNorm { metrics.append(("gradient_norm", gradientNorm)) }
    if let activationBits { metrics.append(("activation_bits", Double(activationBits.rawValue))) }
    if let quantizationStrength {
      metrics.append(("quantization_strength", Double(quantizationStrength)))
    }
    if let lossScale { metrics.append(("loss_scale", Double(lossScale))) }
    if let trits {
      metrics += [("trit_zero_share", trits.zeroShare)]
      if let changed = trits.changedShare { metrics.append(("trit_changed_share", changed)) }
    }
    return metrics
  }
}
