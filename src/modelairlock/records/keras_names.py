"""Names that a Keras configuration may use, exactly, and why: what the loader makes of them is tensor arithmetic.

Taken from the exported names of keras 2.15.0, 3.0.5, 3.8.0, 3.12.4 and 3.15.1 and tf_keras 2.21.0
(``@keras_export``), and of TensorFlow 2.21, less those that take code, open files or change the process. Whatever is
not here is held. What is known to be misused stands in `records.keras`; it decides nothing but how loudly that is
said.
"""


def words(text: str) -> frozenset[str]:
    """The words of `text`."""
    return frozenset(text.split())


#: built from numbers, texts that name a mode, and other nodes; called on tensors. Left out: Lambda, TFSMLayer,
#: TorchModuleWrapper, JaxLayer and FlaxLayer, which bring code along, feature columns, and base classes
LAYERS = words(
    "AbstractRNNCell Activation ActivityRegularization AdaptiveAveragePooling1D AdaptiveAveragePooling2D "
    "AdaptiveAveragePooling3D AdaptiveMaxPooling1D AdaptiveMaxPooling2D AdaptiveMaxPooling3D Add AdditiveAttention "
    "AlphaDropout Attention AugMix AutoContrast Average AveragePooling1D AveragePooling2D AveragePooling3D "
    "AvgPool1D AvgPool2D AvgPool3D BaseDenseAttention BaseRandomLayer BatchNormalization Bidirectional "
    "CategoryEncoding CenterCrop Concatenate ContrastLimitedAdaptiveHistogramEqualization Conv1D Conv1DTranspose "
    "Conv2D Conv2DTranspose Conv3D Conv3DTranspose ConvLSTM1D ConvLSTM2D ConvLSTM3D Convolution1D "
    "Convolution1DTranspose Convolution2D Convolution2DTranspose Convolution3D Convolution3DTranspose Cropping1D "
    "Cropping2D Cropping3D CutMix Dense DepthwiseConv1D DepthwiseConv2D Discretization Dot Dropout ELU EinsumDense "
    "Embedding Equalization Flatten GRU GRUCell GaussianDropout GaussianNoise GlobalAveragePooling1D "
    "GlobalAveragePooling2D GlobalAveragePooling3D GlobalAvgPool1D GlobalAvgPool2D GlobalAvgPool3D GlobalMaxPool1D "
    "GlobalMaxPool2D GlobalMaxPool3D GlobalMaxPooling1D GlobalMaxPooling2D GlobalMaxPooling3D GroupNormalization "
    "GroupQueryAttention HashedCrossing Hashing Identity InputLayer IntegerLookup LSTM LSTMCell LayerNormalization "
    "LeakyReLU LocallyConnected1D LocallyConnected2D Masking MaxNumBoundingBoxes MaxPool1D MaxPool2D MaxPool3D "
    "MaxPooling1D MaxPooling2D MaxPooling3D Maximum MelSpectrogram Minimum MixUp MultiHeadAttention Multiply "
    "Normalization PReLU Permute Pipeline PreprocessingLayer RMSNormalization RNN RandAugment RandomBrightness "
    "RandomColorDegeneration RandomColorJitter RandomContrast RandomCrop RandomElasticTransform RandomErasing "
    "RandomFlip RandomFourierFeatures RandomGaussianBlur RandomGrayscale RandomHeight RandomHue RandomInvert "
    "RandomPerspective RandomPosterization RandomRotation RandomSaturation RandomSharpness RandomShear "
    "RandomTranslation RandomWidth RandomZoom ReLU RepeatVector Rescaling Reshape Resizing ReversibleEmbedding "
    "STFTSpectrogram SeparableConv1D SeparableConv2D SeparableConvolution1D SeparableConvolution2D SimpleRNN "
    "SimpleRNNCell Softmax Solarization SpatialDropout1D SpatialDropout2D SpatialDropout3D SpectralNormalization "
    "StackedRNNCells StringLookup Subtract SyncBatchNormalization TextVectorization ThresholdedReLU TimeDistributed "
    "UnitNormalization UpSampling1D UpSampling2D UpSampling3D Wrapper ZeroPadding1D ZeroPadding2D ZeroPadding3D "
)
#: compare two tensors
LOSSES = words(
    "BinaryCrossentropy BinaryFocalCrossentropy CTC CategoricalCrossentropy CategoricalFocalCrossentropy "
    "CategoricalGeneralizedCrossEntropy CategoricalHinge Circle CosineSimilarity Dice Hinge Huber KLDivergence "
    "LogCosh LossFunctionWrapper MeanAbsoluteError MeanAbsolutePercentageError MeanSquaredError "
    "MeanSquaredLogarithmicError Poisson SparseCategoricalCrossentropy SquaredHinge Tversky "
)
#: sum up what losses and comparisons say
METRICS = words(
    "AUC Accuracy BinaryAccuracy BinaryCrossentropy BinaryIoU CategoricalAccuracy CategoricalCrossentropy "
    "CategoricalHinge ConcordanceCorrelation CosineSimilarity F1Score FBetaScore FalseNegatives FalsePositives "
    "Hinge IoU KLDivergence LogCoshError Mean MeanAbsoluteError MeanAbsolutePercentageError MeanIoU "
    "MeanMetricWrapper MeanRelativeError MeanSquaredError MeanSquaredLogarithmicError MeanTensor OneHotIoU "
    "OneHotMeanIoU PearsonCorrelation Poisson Precision PrecisionAtRecall R2Score Recall RecallAtPrecision "
    "RootMeanSquaredError SensitivityAtSpecificity SparseCategoricalAccuracy SparseCategoricalCrossentropy "
    "SparseTopKCategoricalAccuracy SpecificityAtSensitivity SquaredHinge Sum TopKCategoricalAccuracy TrueNegatives "
    "TruePositives "
)
#: hold numbers, and schedules that compute one
OPTIMIZERS = words(
    "Adadelta Adafactor Adagrad Adam AdamW Adamax CosineDecay CosineDecayRestarts DTypePolicy ExponentialDecay Ftrl "
    "InverseTimeDecay Lamb Lion LossScaleOptimizer MultiOptimizer Muon Nadam OptimizerMap PiecewiseConstantDecay "
    "Policy PolynomialDecay RMSprop SGD ScheduleFreeAdamW "
)
#: make tensors of a shape
INITIALIZERS = words(
    "Constant GlorotNormal GlorotUniform HeNormal HeUniform Identity IdentityInitializer LecunNormal LecunUniform "
    "Ones Orthogonal OrthogonalInitializer RandomNormal RandomUniform STFT STFTInitializer TruncatedNormal "
    "VarianceScaling Zeros constant glorot_normal glorot_uniform he_normal he_uniform identity lecun_normal "
    "lecun_uniform ones orthogonal random_normal random_uniform stft truncated_normal variance_scaling zeros "
)
#: regularizers, constraints, policies of types, quantizers: numbers and names of types
OTHERS = words(
    "AWQConfig AWQDTypePolicy AbsMaxQuantizer DTypePolicy DTypePolicyMap Float8QuantizationConfig FloatDTypePolicy "
    "GPTQConfig GPTQDTypePolicy Int4DTypePolicy Int4QuantizationConfig Int8QuantizationConfig L1 L1L2 L2 MaxNorm "
    "MinMaxNorm NonNeg OrthogonalRegularizer Policy QuantizationConfig QuantizedDTypePolicy "
    "QuantizedFloat8DTypePolicy RadialConstraint SeedGenerator UnitNorm l1 l1_l2 l2 max_norm min_max_norm non_neg "
    "orthogonal_regularizer radial_constraint unit_norm "
)
#: operations as nodes of a functional model (``keras.src.ops.*``), less those that are given a function to call
OPERATIONS = words(
    "Absolute AdaptiveAveragePool AdaptiveMaxPool Add AffineTransform All AllClose Amax Amin Angle Any Append "
    "Arange Arccos Arccosh Arcsin Arcsinh Arctan Arctan2 Arctanh Argmax Argmin Argpartition Argsort Array "
    "ArraySplit Average AveragePool Bartlett BatchNorm BinaryCrossentropy Bincount BitwiseAnd BitwiseInvert "
    "BitwiseLeftShift BitwiseNot BitwiseOr BitwiseRightShift BitwiseXor Blackman BroadcastTo CDist CTCDecode "
    "CTCLoss Cast CategoricalCrossentropy Cbrt Ceil Celu Cholesky CholeskyInverse Clip Concatenate Conjugate Conv "
    "ConvTranspose ConvertToTensor Copy Corrcoef Correlate Cos Cosh CountNonzero CropImages Cross CtcLoss Cumprod "
    "Cumsum Deg2rad DepthToSpace DepthwiseConv Det Diag Diagflat Diagonal Diff Digitize Divide DivideNoNan Dot "
    "DotProductAttention Dsplit Dstack Eig Eigh Einsum ElasticTransform Elu Empty EmptyLike Equal Erf Erfc Erfinv "
    "Exp Exp2 ExpandDims Expm1 ExtractPatches ExtractPatches3D ExtractSequences Eye FFT FFT2 Fabs Flip Fliplr "
    "Flipud Floor FloorDivide Fmax Fmin Fmod Fold Full FullLike GaussianBlur Gcd Gelu Geomspace GetItem Glu Greater "
    "GreaterEqual HSVToRGB Hamming Hanning HardShrink HardSigmoid HardSilu HardTanh Heaviside Histogram Hsplit "
    "Hstack Hypot I0 IFFT2 IRFFT ISTFT Identity Imag InTopK Inner Inv IsIn Isclose Isfinite Isinf Isnan Isneginf "
    "Isposinf Isreal Kaiser Kron LayerNorm Lcm Ldexp LeakyRelu LeftShift Less LessEqual Linspace Log Log10 Log1p "
    "Log2 LogSigmoid LogSoftmax Logaddexp Logaddexp2 Logdet LogicalAnd LogicalNot LogicalOr LogicalXor Logspace "
    "Logsumexp Lstsq LuFactor MapCoordinates Matmul MatrixRank Max MaxPool Maximum Mean Median Meshgrid Min Minimum "
    "Mod Moments Moveaxis MultiHot Multiply NanToNum Nanargmax Nanargmin Nancumprod Nancumsum Nanmax Nanmean "
    "Nanmedian Nanmin Nanpercentile Nanprod Nanquantile Nanstd Nansum Nanvar Ndim Negative Nextafter Nonzero Norm "
    "Normalize NotEqual OneHot Ones OnesLike Outer PSNR Pad PadImages Percentile PerspectiveTransform Pinv Polar "
    "Power Prod Ptp Qr Quantile RFFT RGBToGrayscale RGBToHSV RMSNorm Rad2deg Ravel Real Rearrange Reciprocal Relu "
    "Relu6 Repeat Reshape Resize RightShift Roll Rot90 Round Rsqrt SSIM STFT SVD SaturateCast ScaleAndTranslate "
    "Scatter ScatterUpdate SearchSorted SegmentMax SegmentReduction SegmentSum Select Selu SeparableConv Sigmoid "
    "Sign Signbit Silu Sin Sinc Sinh Size Slice SliceUpdate Slogdet SobelEdges SoftShrink Softmax Softplus Softsign "
    "Solve SolveTriangular Sort SpaceToDepth SparseCategoricalCrossentropy SparsePlus SparseSigmoid Sparsemax Split "
    "Sqrt Square Squareplus Squeeze Stack Std StopGradient Subtract Sum Swapaxes Take TakeAlongAxis Tan Tanh "
    "TanhShrink Tensordot Threshold Tile TopK Trace Transpose Trapezoid Tri Tril Triu TrueDivide Trunc Unfold "
    "Unique UnravelIndex Unstack Vander Var Vdot View ViewAsComplex ViewAsReal Vsplit Vstack Where Zeros ZerosLike "
)
#: ``keras.backend``, less what is given a function, holds state or prints
BACKEND = words(
    "abs all any arange argmax argmin batch_dot batch_flatten batch_normalization bias_add binary_crossentropy "
    "binary_focal_crossentropy cast cast_to_floatx categorical_crossentropy categorical_focal_crossentropy clip "
    "concatenate constant conv1d conv2d conv2d_transpose conv3d cos ctc_batch_cost ctc_decode "
    "ctc_label_dense_to_sparse cumprod cumsum depthwise_conv2d dot dropout dtype elu epsilon equal exp expand_dims "
    "eye flatten floatx gather greater greater_equal hard_sigmoid image_data_format in_top_k int_shape "
    "is_float_dtype is_int_dtype is_keras_tensor is_sparse l2_normalize less less_equal local_conv1d local_conv2d "
    "log max maximum mean min minimum ndim normalize_batch_in_training not_equal one_hot ones ones_like "
    "permute_dimensions pool2d pool3d pow prod random_bernoulli random_binomial random_normal random_uniform relu "
    "repeat repeat_elements reshape resize_images resize_volumes result_type reverse round separable_conv2d shape "
    "sigmoid sign sin softmax softplus softsign sparse_categorical_crossentropy spatial_2d_padding "
    "spatial_3d_padding sqrt square squeeze stack standardize_dtype std stop_gradient sum tanh temporal_padding "
    "tile to_dense transpose truncated_normal zeros zeros_like "
)
#: a tensor to a tensor
ACTIVATIONS = words(
    "celu elu exponential gelu glu hard_shrink hard_sigmoid hard_silu hard_swish hard_tanh leaky_relu linear "
    "log_sigmoid log_softmax mish relu relu6 selu sigmoid silu soft_shrink softmax softplus softsign sparse_plus "
    "sparse_sigmoid sparsemax squareplus swish tanh tanh_shrink threshold "
)
#: functions of losses and metrics
MEASURES = words(
    "KLD MAE MAPE MSE MSLE binary_accuracy binary_crossentropy binary_focal_crossentropy categorical_accuracy "
    "categorical_crossentropy categorical_focal_crossentropy categorical_generalized_cross_entropy "
    "categorical_hinge circle concordance_correlation cosine_similarity ctc dice hinge huber kl_divergence kld "
    "kullback_leibler_divergence log_cosh logcosh mae mape mean_absolute_error mean_absolute_percentage_error "
    "mean_squared_error mean_squared_logarithmic_error mse msle pearson_correlation poisson "
    "sparse_categorical_accuracy sparse_categorical_crossentropy sparse_top_k_categorical_accuracy squared_hinge "
    "top_k_categorical_accuracy tversky "
)
#: ``keras.ops``, less what is given a function to call (map, scan, cond, while_loop ...)
OPS = words(
    "abs absolute adaptive_average_pool adaptive_max_pool add affine_transform all allclose amax amin angle any "
    "append arange arccos arccosh arcsin arcsinh arctan arctan2 arctanh argmax argmin argpartition argsort array "
    "array_split average average_pool bartlett batch_normalization binary_crossentropy bincount bitwise_and "
    "bitwise_invert bitwise_left_shift bitwise_not bitwise_or bitwise_right_shift bitwise_xor blackman broadcast_to "
    "cast categorical_crossentropy cbrt cdist ceil celu cholesky cholesky_inverse clip concatenate conj conjugate "
    "conv conv_transpose convert_to_numpy convert_to_tensor copy corrcoef correlate cos cosh count_nonzero "
    "crop_images cross ctc_decode ctc_loss cumprod cumsum deg2rad depth_to_space depthwise_conv det diag diagflat "
    "diagonal diff digitize divide divide_no_nan dot dot_product_attention dsplit dstack dtype eig eigh einsum "
    "elastic_transform elu empty empty_like equal erf erfc erfinv exp exp2 expand_dims expm1 extract_patches "
    "extract_patches_3d extract_sequences eye fabs fft fft2 flip fliplr flipud floor floor_divide fmax fmin fmod "
    "fold full full_like gaussian_blur gcd gelu geomspace get_item glu greater greater_equal hamming hanning "
    "hard_shrink hard_sigmoid hard_silu hard_swish hard_tanh heaviside histogram hsplit hstack hsv_to_rgb hypot i0 "
    "identity ifft2 imag in_top_k inner inv irfft is_tensor isclose isfinite isin isinf isnan isneginf isposinf "
    "isreal istft kaiser kron layer_normalization lcm ldexp leaky_relu left_shift less less_equal linspace log "
    "log10 log1p log2 log_sigmoid log_softmax logaddexp logaddexp2 logdet logical_and logical_not logical_or "
    "logical_xor logspace logsumexp lstsq lu_factor map_coordinates matmul matrix_rank max max_pool maximum mean "
    "median meshgrid min minimum mod moments moveaxis multi_hot multiply nan_to_num nanargmax nanargmin nancumprod "
    "nancumsum nanmax nanmean nanmedian nanmin nanpercentile nanprod nanquantile nanstd nansum nanvar ndim negative "
    "nextafter nonzero norm normalize not_equal one_hot ones ones_like outer pad pad_images percentile "
    "perspective_transform pinv polar power prod psnr ptp qr quantile rad2deg ravel real rearrange reciprocal relu "
    "relu6 repeat reshape resize rfft rgb_to_grayscale rgb_to_hsv right_shift rms_normalization roll rot90 round "
    "rsqrt saturate_cast scale_and_translate scatter scatter_update searchsorted segment_max segment_min "
    "segment_prod segment_sum select selu separable_conv shape sigmoid sign signbit silu sin sinc sinh size slice "
    "slice_update slogdet sobel_edges soft_shrink softmax softplus softsign solve solve_triangular sort "
    "space_to_depth sparse_categorical_crossentropy sparse_plus sparse_sigmoid sparsemax split sqrt square "
    "squareplus squeeze ssim stack std stft stop_gradient subtract sum svd swapaxes swish take take_along_axis tan "
    "tanh tanh_shrink tensordot threshold tile top_k trace transpose trapezoid tri tril triu true_divide trunc "
    "unfold unique unravel_index unstack vander var vdot view view_as_complex view_as_real vsplit vstack where "
    "zeros zeros_like "
)
#: functions of TensorFlow that a TFOpLambda may call, by namespace: no files, no Python, no control flow
TENSORFLOW = {
    "": words(
        "abs acos acosh add add_n argmax argmin argsort as_string asin asinh atan atan2 atanh batch_to_space "
        "bitcast boolean_mask broadcast_dynamic_shape broadcast_static_shape broadcast_to cast clip_by_global_norm "
        "clip_by_norm clip_by_value complex concat convert_to_tensor cos cosh cumsum divide dynamic_partition "
        "dynamic_stitch edit_distance eig eigvals einsum ensure_shape equal exp expand_dims extract_volume_patches "
        "eye fftnd fill floor gather gather_nd greater greater_equal guarantee_const histogram_fixed_width "
        "histogram_fixed_width_bins identity identity_n ifftnd irfftnd is_tensor less less_equal linspace "
        "logical_and logical_not logical_or matmul matrix_square_root maximum meshgrid minimum multiply negative "
        "norm not_equal one_hot ones ones_like pad parallel_stack pow ragged_fill_empty_rows "
        "ragged_fill_empty_rows_grad random_index_shuffle range rank realdiv reduce_all reduce_any reduce_logsumexp "
        "reduce_max reduce_mean reduce_min reduce_prod reduce_sum repeat required_space_to_batch_paddings reshape "
        "reverse reverse_sequence rfftnd roll round saturate_cast scalar_mul scatter_nd searchsorted sequence_mask "
        "shape shape_n sigmoid sign sin sinh size slice sort space_to_batch space_to_batch_nd split sqrt square "
        "squeeze stack stop_gradient strided_slice subtract tan tanh tensor_scatter_nd_add tensor_scatter_nd_max "
        "tensor_scatter_nd_min tensor_scatter_nd_sub tensor_scatter_nd_update tensordot tile transpose truediv "
        "truncatediv truncatemod unique unique_with_counts unravel_index unstack where zeros zeros_like "
    ),
    "math": words(
        "abs accumulate_n acos acosh add add_n angle approx_max_k approx_min_k argmax argmin asin asinh atan atan2 "
        "atanh bessel_i0 bessel_i0e bessel_i1 bessel_i1e betainc bincount ceil confusion_matrix conj cos cosh "
        "count_nonzero cumprod cumsum cumulative_logsumexp digamma divide divide_no_nan equal erf erfc erfcinv "
        "erfinv exp expm1 floor floordiv floormod greater greater_equal igamma igammac imag in_top_k "
        "invert_permutation is_finite is_inf is_nan is_non_decreasing is_strictly_increasing l2_normalize lbeta "
        "less less_equal lgamma log log1p log_sigmoid log_softmax logical_and logical_not logical_or logical_xor "
        "maximum minimum mod multiply multiply_no_nan ndtri negative nextafter not_equal polygamma polyval pow real "
        "reciprocal reciprocal_no_nan reduce_all reduce_any reduce_euclidean_norm reduce_logsumexp reduce_max "
        "reduce_mean reduce_min reduce_prod reduce_std reduce_sum reduce_variance rint round rsqrt scalar_mul "
        "segment_max segment_mean segment_min segment_prod segment_sum sigmoid sign sin sinh sobol_sample softmax "
        "softplus softsign sqrt square squared_difference subtract tan tanh top_k truediv unsorted_segment_max "
        "unsorted_segment_mean unsorted_segment_min unsorted_segment_prod unsorted_segment_sqrt_n "
        "unsorted_segment_sum xdivy xlog1py xlogy zero_fraction zeta "
    ),
    "nn": words(
        "all_candidate_sampler approx_max_k approx_min_k atrous_conv2d atrous_conv2d_transpose avg_pool avg_pool1d "
        "avg_pool2d avg_pool3d batch_norm_with_global_normalization batch_normalization bias_add collapse_repeated "
        "compute_accidental_hits compute_average_loss conv1d conv1d_transpose conv2d conv2d_transpose conv3d "
        "conv3d_transpose conv_transpose convolution crelu ctc_beam_search_decoder ctc_greedy_decoder ctc_loss "
        "ctc_unique_labels depth_to_space depthwise_conv2d depthwise_conv2d_backprop_filter "
        "depthwise_conv2d_backprop_input dilation2d dropout elu embedding_lookup embedding_lookup_sparse erosion2d "
        "fractional_avg_pool fractional_max_pool gelu in_top_k isotonic_regression "
        "l2_loss l2_normalize leaky_relu learned_unigram_candidate_sampler local_response_normalization "
        "log_poisson_loss log_softmax lrn max_pool max_pool1d max_pool2d max_pool3d max_pool_with_argmax moments "
        "nce_loss normalize_moments pool relu relu6 safe_embedding_lookup_sparse sampled_softmax_loss "
        "scale_regularization_loss selu separable_conv2d sigmoid sigmoid_cross_entropy_with_logits silu softmax "
        "softmax_cross_entropy_with_logits softplus softsign space_to_batch space_to_depth "
        "sparse_softmax_cross_entropy_with_logits sufficient_statistics swish tanh top_k "
        "weighted_cross_entropy_with_logits weighted_moments with_space_to_batch zero_fraction "
    ),
    "linalg": words(
        "adjoint band_part banded_triangular_solve cholesky cholesky_solve cross det diag diag_part eig eigh "
        "eigh_tridiagonal eigvals eigvalsh einsum expm eye global_norm inv l2_normalize logdet logm lstsq lu "
        "lu_matrix_inverse lu_reconstruct lu_solve matmul matrix_rank matrix_transpose matvec norm normalize pinv "
        "qr set_diag slogdet solve sqrtm svd tensor_diag tensor_diag_part tensordot trace triangular_solve "
        "tridiagonal_matmul tridiagonal_solve "
    ),
    "signal": words(
        "dct fft fft2d fft3d fftnd fftshift frame hamming_window hann_window idct ifft ifft2d ifft3d ifftnd "
        "ifftshift inverse_mdct inverse_stft irfft irfft2d irfft3d irfftnd kaiser_bessel_derived_window "
        "kaiser_window linear_to_mel_weight_matrix mdct mfccs_from_log_mel_spectrograms overlap_and_add rfft rfft2d "
        "rfft3d rfftnd stft vorbis_window "
    ),
    "image": words(
        "adjust_brightness adjust_contrast adjust_gamma adjust_hue adjust_jpeg_quality adjust_saturation "
        "central_crop combined_non_max_suppression convert_image_dtype crop_and_resize crop_to_bounding_box "
        "decode_and_crop_jpeg decode_bmp decode_gif decode_image decode_jpeg decode_jxl decode_png decode_webp "
        "draw_bounding_boxes encode_jpeg encode_png extract_glimpse extract_jpeg_shape extract_patches "
        "flip_left_right flip_up_down generate_bounding_box_proposals grayscale_to_rgb hsv_to_rgb image_gradients "
        "is_jpeg non_max_suppression non_max_suppression_overlaps non_max_suppression_padded "
        "non_max_suppression_with_scores pad_to_bounding_box per_image_standardization psnr random_brightness "
        "random_contrast random_crop random_flip_left_right random_flip_up_down random_hue random_jpeg_quality "
        "random_saturation resize resize_with_crop_or_pad resize_with_pad rgb_to_grayscale rgb_to_hsv rgb_to_yiq "
        "rgb_to_yuv rot90 sample_distorted_bounding_box sobel_edges ssim ssim_multiscale "
        "stateless_random_brightness stateless_random_contrast stateless_random_crop "
        "stateless_random_flip_left_right stateless_random_flip_up_down stateless_random_hue "
        "stateless_random_jpeg_quality stateless_random_saturation stateless_sample_distorted_bounding_box "
        "total_variation transpose yiq_to_rgb yuv_to_rgb "
    ),
    "bitwise": words("bitwise_and bitwise_or bitwise_xor invert left_shift right_shift "),
    "random": words(
        "all_candidate_sampler categorical gamma learned_unigram_candidate_sampler "
        "log_uniform_candidate_sampler normal poisson shuffle stateless_binomial stateless_categorical "
        "stateless_gamma stateless_normal stateless_parameterized_truncated_normal stateless_poisson "
        "stateless_truncated_normal stateless_uniform truncated_normal uniform uniform_candidate_sampler "
    ),
    "strings": words(
        "as_string bytes_split format join length lower ngrams reduce_join regex_full_match regex_replace split "
        "strip substr to_hash_bucket to_hash_bucket_fast to_hash_bucket_strong to_number unicode_decode "
        "unicode_decode_with_offsets unicode_encode unicode_script unicode_split unicode_split_with_offsets "
        "unicode_transcode unsorted_segment_join upper "
    ),
    "sparse": words(
        "add bincount concat cross cross_hashed expand_dims eye fill_empty_rows from_dense mask maximum minimum "
        "reduce_max reduce_sum reorder reset_shape reshape retain sampled_addmm segment_mean segment_sqrt_n "
        "segment_sum slice softmax sparse_dense_matmul split to_dense to_indicator transpose "
    ),
    "ragged": words(
        "boolean_mask constant cross cross_hashed range row_splits_to_segment_ids segment_ids_to_row_splits stack "
        "stack_dynamic_partitions "
    ),
    "__operators__": words("add eq getitem ne ragged_getitem "),
    "quantization": words(
        "dequantize fake_quant_with_min_max_args fake_quant_with_min_max_args_gradient fake_quant_with_min_max_vars "
        "fake_quant_with_min_max_vars_gradient fake_quant_with_min_max_vars_per_channel "
        "fake_quant_with_min_max_vars_per_channel_gradient quantize quantize_and_dequantize "
        "quantize_and_dequantize_v2 quantized_concat "
    ),
    "sets": words("difference intersection size union "),
    "dtypes": words("as_dtype cast complex saturate_cast "),
}
