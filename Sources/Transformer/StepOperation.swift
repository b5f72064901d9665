/// What a training step does, in the order in which it does it: the names of a profile's lines.
package enum StepOperation: String, CaseIterable, Codable, Sendable {
  /// Reading and laying out the batch, and zeroing the gradients that are added to.
  case batch
  case clearGradients = "clear_gradients"

  // Forward. A projection's input: the residual sum, the norm and the quantizer before it.
  case embedding
  case queryKeyValueInput = "qkv_input"
  case queryKeyValue = "qkv"
  case rotateHeads = "rotate_heads"
  case attention
  case attentionOutputInput = "o_input"
  case attentionOutput = "o"
  case gateUpInput = "gate_up_input"
  case gateUp = "gate_up"
  case downInput = "down_input"
  case down
  case storeActivations = "store_activations"
  case finalNorm = "final_norm"

  // A local teacher: its forward pass, and its head, a chunk of rows at a time.
  case teacherForward = "teacher_forward"
  case teacherLogits = "teacher_logits"
  /// The attention relations of both models, and their gradient, which comes in the backward pass.
  case attentionRelations = "attention_relations"

  // The head and the loss.
  case headLogits = "head_logits"
  case lossRows = "loss_rows"
  case headInputGradient = "head_input_gradient"
  case headWeightGradient = "head_weight_gradient"

  // Backward. Where activations are computed again, that time is the forward operations'.
  case finalNormBackward = "final_norm_backward"
  case restoreActivations = "restore_activations"
  case downInputGradient = "down_input_gradient"
  case downWeightGradient = "down_weight_gradient"
  case downInputBackward = "down_input_backward"
  case gateUpInputGradient = "gate_up_input_gradient"
  case gateUpWeightGradient = "gate_up_weight_gradient"
  case gateUpInputBackward = "gate_up_input_backward"
  case attentionOutputInputGradient = "o_input_gradient"
  case attentionOutputWeightGradient = "o_weight_gradient"
  case attentionOutputInputBackward = "o_input_backward"
  case attentionBackward = "attention_backward"
  case rotateHeadsBackward = "rotate_heads_backward"
  case queryKeyValueInputGradient = "qkv_input_gradient"
  case queryKeyValueWeightGradient = "qkv_weight_gradient"
  case queryKeyValueInputBackward = "qkv_input_backward"
  case embeddingBackward = "embedding_backward"

  // The update.
  case gradientNorm = "gradient_norm"
  case optimizer
  case quantizeWeights = "quantize_weights"
  /// Whatever comes after the update: the step's report, the count of trits.
  case report

  /// Whether it multiplies matrices, so that its rate is to be held against the machine's peak in
  /// operations a second; all others are to be held against its bytes a second.
  package var isProduct: Bool {
    switch self {
    case .queryKeyValue, .attention, .attentionOutput, .gateUp, .down, .teacherLogits,
      .headLogits, .headInputGradient, .headWeightGradient, .downInputGradient, .downWeightGradient,
      .gateUpInputGradient, .gateUpWeightGradient, .attentionOutputInputGradient,
      .attentionOutputWeightGradient, .attentionBackward, .queryKeyValueInputGradient,
      .queryKeyValueWeightGradient:
      true
    default: false
    }
  }
}
