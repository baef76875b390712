"""Which operators of TensorFlow do what: for readers, that follow their inputs, and for rules, that judge them.

What a newcomer would get wrong: a graph is a program, and its operators are all that it can do; so the list that
counts is `PLAIN`, of what only computes. Made from all operators that TensorFlow 2.21 registers (`tensorflow-cpu`),
group by group, by what their kernels do; left out are those of TPUs, of communication between devices and of its own
tests, and everything that came later or comes from elsewhere: whatever is neither here nor in `EFFECTS` is held.
"""

from typing import Literal, NamedTuple

Kind = Literal[
    "writes", "reads", "saves", "restores", "vocabulary", "network", "python", "ends", "prints", "debugs", "schema",
    "names-file", "graph", "caches",
]  # fmt: skip


#: how the place of an operator begins that is in a function; no node has a blank in its name
FUNCTION = "function "


class Effect(NamedTuple):
    """What an operator does beyond computing; which of its inputs say where to (all, if none), and which attributes."""

    kind: Kind
    does: str
    inputs: tuple[int, ...] = ()
    attributes: tuple[str, ...] = ()


def _each(names: str, effect: Effect) -> dict[str, Effect]:
    return dict.fromkeys(names.split(), effect)


EFFECTS: dict[str, Effect] = {
    "WriteFile": Effect("writes", "writes a file"),
    **_each("SaveV2 Save SaveSlices", Effect("saves", "writes a checkpoint", (0,))),
    "MergeV2Checkpoints": Effect("saves", "merges checkpoints into a file and deletes the parts", (0, 1)),
    **_each("RestoreV2 Restore RestoreSlice DTensorRestoreV2", Effect("restores", "reads a checkpoint", (0,))),
    "ReadFile": Effect("reads", "reads a whole file"),
    **_each(
        "MatchingFiles MatchingFilesDataset ExperimentalMatchingFilesDataset",
        Effect("reads", "lists files of a folder"),
    ),
    "InitializeTableFromTextFile": Effect("vocabulary", "reads a text file into a table", (1,)),
    "InitializeTableFromTextFileV2": Effect("vocabulary", "reads a text file into a table", (1,)),
    "GenerateVocabRemapping": Effect("vocabulary", "reads two vocabulary files", (0, 1)),
    "LoadAndRemapMatrix": Effect("restores", "reads a checkpoint", (0,)),
    **_each(
        "TextLineDataset TFRecordDataset TFRecordDatasetV2 FixedLengthRecordDataset FixedLengthRecordDatasetV2"
        " CSVDataset CSVDatasetV2 ExperimentalCSVDataset LMDBDataset ExperimentalLMDBDataset LoadDataset"
        " ListSnapshotChunksDataset SnapshotChunkDataset SnapshotDatasetReader SnapshotNestedDatasetReader",
        Effect("reads", "reads records from files"),
    ),
    **_each("SqlDataset ExperimentalSqlDataset", Effect("reads", "opens a database and runs a query in it")),
    "RecordInput": Effect("reads", "reads records from files", (), ("file_pattern",)),
    "ImmutableConst": Effect("reads", "maps a file into memory", (), ("memory_region_name",)),
    **_each(
        "TextLineReader TextLineReaderV2 TFRecordReader TFRecordReaderV2 WholeFileReader WholeFileReaderV2"
        " FixedLengthRecordReader FixedLengthRecordReaderV2 LMDBReader",
        Effect("reads", "reads the files that a queue names"),
    ),
    "FixedUnigramCandidateSampler": Effect("names-file", "reads a vocabulary file", (), ("vocab_file",)),
    "Skipgram": Effect("reads", "reads a text file", (), ("filename",)),
    **_each("SaveDataset SaveDatasetV2", Effect("writes", "writes a dataset to a folder", (1,))),
    **_each("SnapshotDataset SnapshotDatasetV2", Effect("writes", "writes snapshots of a dataset to a folder", (1,))),
    **_each("CacheDataset CacheDatasetV2", Effect("caches", "writes a cache of a dataset to a file", (1,))),
    **_each("DatasetToTFRecord ExperimentalDatasetToTFRecord", Effect("writes", "writes records to a file", (1,))),
    "DistributedSave": Effect("writes", "has a data service write a dataset to a folder"),
    "DumpTensor": Effect("writes", "writes tensors to a folder", (), ("log_dir_path", "file_name")),
    "CalibrationStatisticsSaver": Effect("writes", "writes a file", (), ("output_file_path",)),
    "CreateSummaryFileWriter": Effect("writes", "writes an event file to a folder", (1,)),
    "CreateSummaryDbWriter": Effect("writes", "writes events to a database", (1,)),
    "PrintV2": Effect("prints", "appends to a file", (), ("output_stream",)),
    **_each(
        "DebugIdentity DebugIdentityV2 DebugIdentityV3 DebugNanCount DebugNumericSummary",
        Effect("debugs", "sends tensors to debuggers or dump files", (), ("debug_urls",)),
    ),
    **_each("Copy CopyHost", Effect("debugs", "sends tensors to debuggers", (), ("debug_ops_spec",))),
    **_each(
        "DataServiceDataset DataServiceDatasetV2 DataServiceDatasetV3 DataServiceDatasetV4 RegisterDataset"
        " RegisterDatasetV2",
        Effect("network", "talks to a data service"),
    ),
    **_each(
        "RpcServer RpcServerStart RpcServerRegister RpcClient RpcCall RpcCheckStatus RpcGetValue"
        " DeleteRpcFutureResource",
        Effect("network", "serves or calls functions over the network"),
    ),
    "RemoteCall": Effect("network", "runs a function on another device, which may be another machine", (0,)),
    **_each(
        "PyFunc PyFuncStateless EagerPyFunc NumpyFunction",
        Effect("python", "calls a Python function of the process that loads it", (), ("token",)),
    ),
    "Abort": Effect("ends", "kills the process", (), ("error_msg",)),
    "FileSystemSetConfiguration": Effect("network", "changes the settings of a file system"),
    **_each("DecodeProtoV2 EncodeProto", Effect("schema", "reads a file of descriptors", (), ("descriptor_source",))),
    "DatasetFromGraph": Effect("graph", "runs a graph that stands in a string", (0,)),
}
"""Operators that reach beyond the process, or run what is not in the graph itself."""

#: call functions of the same file, whose bodies are read like the rest, or choose what runs next
_CONTROL = """
Assert BatchFunction Case ControlTrigger Enter Exit FakeParam For If LoopCond MapDefun Merge NextIteration NoOp
PartitionedCall RefEnter RefExit RefIdentity RefMerge RefNextIteration RefSelect RefSwitch StatefulPartitionedCall
StatelessCase StatelessIf StatelessWhile Switch SymbolicGradient While
"""

#: hand elements on from one another; what opens files or addresses is in EFFECTS, functions are read
_DATASETS = """
AnonymousIterator AnonymousIteratorV2 AnonymousIteratorV3 AnonymousMemoryCache AnonymousRandomSeedGenerator
AnonymousSeedGenerator AssertCardinalityDataset AssertNextDataset AssertPrevDataset AutoShardDataset BatchDataset
BatchDatasetV2 BytesProducedStatsDataset ChooseFastestBranchDataset ChooseFastestDataset CompressElement
ComputeBatchSize ConcatenateDataset DatasetCardinality DatasetFingerprint DatasetToSingleElement DeleteIterator
DeleteMemoryCache DeleteRandomSeedGenerator DeleteSeedGenerator DenseToSparseBatchDataset DirectedInterleaveDataset
DummyIterationCounter DummyMemoryCache DummySeedGenerator ExperimentalAssertNextDataset ExperimentalAutoShardDataset
ExperimentalBytesProducedStatsDataset ExperimentalChooseFastestDataset ExperimentalDatasetCardinality
ExperimentalDenseToSparseBatchDataset ExperimentalDirectedInterleaveDataset ExperimentalGroupByReducerDataset
ExperimentalGroupByWindowDataset ExperimentalIgnoreErrorsDataset ExperimentalIteratorGetDevice
ExperimentalLatencyStatsDataset ExperimentalMapAndBatchDataset ExperimentalMapDataset
ExperimentalMaxIntraOpParallelismDataset ExperimentalNonSerializableDataset ExperimentalParallelInterleaveDataset
ExperimentalParseExampleDataset ExperimentalPrivateThreadPoolDataset ExperimentalRandomDataset
ExperimentalRebatchDataset ExperimentalScanDataset ExperimentalSetStatsAggregatorDataset ExperimentalSleepDataset
ExperimentalSlidingWindowDataset ExperimentalStatsAggregatorHandle ExperimentalStatsAggregatorSummary
ExperimentalTakeWhileDataset ExperimentalThreadPoolDataset ExperimentalThreadPoolHandle ExperimentalUnbatchDataset
ExperimentalUniqueDataset FilterByLastComponentDataset FilterDataset FinalizeDataset FlatMapDataset GeneratorDataset
GetElementAtIndex GetOptions GlobalShuffleDataset GroupByReducerDataset GroupByWindowDataset IgnoreErrorsDataset
IndexFlatMapDataset InitializeTableFromDataset InterleaveDataset Iterator IteratorGetDevice IteratorGetNext
IteratorGetNextAsOptional IteratorGetNextSync IteratorV2 LatencyStatsDataset LegacyParallelInterleaveDatasetV2
ListDataset MakeIterator MapAndBatchDataset MapDataset MaxIntraOpParallelismDataset ModelDataset
NonSerializableDataset OneShotIterator OptimizeDataset OptimizeDatasetV2 OptionalFromValue OptionalGetValue
OptionalHasValue OptionalNone OptionsDataset PaddedBatchDataset PaddedBatchDatasetV2 ParallelBatchDataset
ParallelFilterDataset ParallelInterleaveDataset ParallelInterleaveDatasetV2 ParallelInterleaveDatasetV3
ParallelInterleaveDatasetV4 ParallelMapDataset ParallelMapDatasetV2 ParseExampleDataset ParseExampleDatasetV2
PrefetchDataset PrivateThreadPoolDataset RandomDataset RandomDatasetV2 RangeDataset RebatchDataset RebatchDatasetV2
ReduceDataset RepeatDataset RewriteDataset SamplingDataset ScanDataset SetStatsAggregatorDataset ShardDataset
ShuffleAndRepeatDataset ShuffleAndRepeatDatasetV2 ShuffleDataset ShuffleDatasetV2 ShuffleDatasetV3 SkipDataset
SleepDataset SlidingWindowDataset SparseTensorSliceDataset StatsAggregatorHandle StatsAggregatorHandleV2
StatsAggregatorSetSummaryWriter StatsAggregatorSummary TakeDataset TakeWhileDataset TensorDataset TensorSliceDataset
ThreadPoolDataset ThreadPoolHandle UnbatchDataset UncompressElement UniqueDataset UnwrapDatasetVariant
WeightedFlatMapDataset WindowDataset WrapDatasetVariant ZipDataset
"""

#: look keys up in tables in memory; those that fill a table from a file are in EFFECTS
_TABLES = """
AnonymousHashTable AnonymousMutableDenseHashTable AnonymousMutableHashTable AnonymousMutableHashTableOfTensors
HashTable HashTableV2 InitializeTable InitializeTableV2 LookupTableExport LookupTableExportV2 LookupTableFind
LookupTableFindV2 LookupTableImport LookupTableImportV2 LookupTableInsert LookupTableInsertV2 LookupTableRemoveV2
LookupTableSize LookupTableSizeV2 MutableDenseHashTable MutableDenseHashTableV2 MutableHashTable
MutableHashTableOfTensors MutableHashTableOfTensorsV2 MutableHashTableV2
"""

#: encode events, or add them to a writer; the operators that open one are in EFFECTS
_SUMMARIES = """
AudioSummary AudioSummaryV2 CloseSummaryWriter FlushSummaryWriter HistogramSummary ImageSummary MergeSummary
ScalarSummary SummaryWriter TensorSummary TensorSummaryV2 WriteAudioSummary WriteHistogramSummary WriteImageSummary
WriteRawProtoSummary WriteScalarSummary WriteSummary
"""

#: count, split and add up numbers of decision trees
_TREES = """
BoostedTreesAggregateStats BoostedTreesBucketize BoostedTreesCalculateBestFeatureSplit
BoostedTreesCalculateBestFeatureSplitV2 BoostedTreesCalculateBestGainsPerFeature BoostedTreesCenterBias
BoostedTreesCreateEnsemble BoostedTreesCreateQuantileStreamResource BoostedTreesDeserializeEnsemble
BoostedTreesEnsembleResourceHandleOp BoostedTreesExampleDebugOutputs BoostedTreesFlushQuantileSummaries
BoostedTreesGetEnsembleStates BoostedTreesMakeQuantileSummaries BoostedTreesMakeStatsSummary BoostedTreesPredict
BoostedTreesQuantileStreamResourceAddSummaries BoostedTreesQuantileStreamResourceDeserialize
BoostedTreesQuantileStreamResourceFlush BoostedTreesQuantileStreamResourceGetBucketBoundaries
BoostedTreesQuantileStreamResourceHandleOp BoostedTreesSerializeEnsemble BoostedTreesSparseAggregateStats
BoostedTreesSparseCalculateBestFeatureSplit BoostedTreesTrainingPredict BoostedTreesUpdateEnsemble
BoostedTreesUpdateEnsembleV2
"""

#: change numbers by a gradient
_TRAINING = """
AccumulatorApplyGradient AccumulatorNumAccumulated AccumulatorSetGlobalStep AccumulatorTakeGradient ApplyAdaMax
ApplyAdadelta ApplyAdagrad ApplyAdagradDA ApplyAdagradV2 ApplyAdam ApplyAddSign ApplyCenteredRMSProp ApplyFtrl
ApplyFtrlV2 ApplyGradientDescent ApplyMomentum ApplyPowerSign ApplyProximalAdagrad ApplyProximalGradientDescent
ApplyRMSProp ConditionalAccumulator ResourceAccumulatorApplyGradient ResourceAccumulatorNumAccumulated
ResourceAccumulatorSetGlobalStep ResourceAccumulatorTakeGradient ResourceApplyAdaMax ResourceApplyAdadelta
ResourceApplyAdagrad ResourceApplyAdagradDA ResourceApplyAdagradV2 ResourceApplyAdam ResourceApplyAdamWithAmsgrad
ResourceApplyAddSign ResourceApplyCenteredRMSProp ResourceApplyFtrl ResourceApplyFtrlV2 ResourceApplyGradientDescent
ResourceApplyKerasMomentum ResourceApplyMomentum ResourceApplyPowerSign ResourceApplyProximalAdagrad
ResourceApplyProximalGradientDescent ResourceApplyRMSProp ResourceConditionalAccumulator ResourceSparseApplyAdadelta
ResourceSparseApplyAdagrad ResourceSparseApplyAdagradDA ResourceSparseApplyAdagradV2
ResourceSparseApplyCenteredRMSProp ResourceSparseApplyFtrl ResourceSparseApplyFtrlV2 ResourceSparseApplyKerasMomentum
ResourceSparseApplyMomentum ResourceSparseApplyProximalAdagrad ResourceSparseApplyProximalGradientDescent
ResourceSparseApplyRMSProp SdcaFprint SdcaOptimizer SdcaOptimizerV2 SdcaShrinkL1 SparseAccumulatorApplyGradient
SparseAccumulatorTakeGradient SparseApplyAdadelta SparseApplyAdagrad SparseApplyAdagradDA SparseApplyAdagradV2
SparseApplyCenteredRMSProp SparseApplyFtrl SparseApplyFtrlV2 SparseApplyMomentum SparseApplyProximalAdagrad
SparseApplyProximalGradientDescent SparseApplyRMSProp SparseConditionalAccumulator
"""

#: keep tensors in memory between steps: variables, queues, stacks, lists; readers of files are in EFFECTS
_STATE = """
AddManySparseToTensorsMap AddSparseToTensorsMap Assign AssignAdd AssignAddVariableOp AssignSub AssignSubVariableOp
AssignVariableOp Barrier BarrierClose BarrierIncompleteSize BarrierInsertMany BarrierReadySize BarrierTakeMany
ConsumeMutexLock DestroyResourceOp DestroyTemporaryVariable EmptyTensorList EmptyTensorMap EncodeJpegVariableQuality
FIFOQueue FIFOQueueV2 IdentityReader IdentityReaderV2 InplaceAdd InplaceSub InplaceUpdate IsVariableInitialized
MapClear MapIncompleteSize MapPeek MapSize MapStage MapUnstage MapUnstageNoKey MutexLock MutexV2 OrderedMapClear
OrderedMapIncompleteSize OrderedMapPeek OrderedMapSize OrderedMapStage OrderedMapUnstage OrderedMapUnstageNoKey
PaddingFIFOQueue PaddingFIFOQueueV2 PriorityQueue PriorityQueueV2 QueueClose QueueCloseV2 QueueDequeue
QueueDequeueMany QueueDequeueManyV2 QueueDequeueUpTo QueueDequeueUpToV2 QueueDequeueV2 QueueEnqueue QueueEnqueueMany
QueueEnqueueManyV2 QueueEnqueueV2 QueueIsClosed QueueIsClosedV2 QueueSize QueueSizeV2 RandomShuffleQueue
RandomShuffleQueueV2 ReadVariableOp ReaderNumRecordsProduced ReaderNumRecordsProducedV2 ReaderNumWorkUnitsCompleted
ReaderNumWorkUnitsCompletedV2 ReaderRead ReaderReadUpTo ReaderReadUpToV2 ReaderReadV2 ReaderReset ReaderResetV2
ReaderRestoreState ReaderRestoreStateV2 ReaderSerializeState ReaderSerializeStateV2 ResourceCountUpTo ResourceGather
ResourceGatherNd ResourceScatterAdd ResourceScatterDiv ResourceScatterMax ResourceScatterMin ResourceScatterMul
ResourceScatterNdAdd ResourceScatterNdMax ResourceScatterNdMin ResourceScatterNdSub ResourceScatterNdUpdate
ResourceScatterSub ResourceScatterUpdate ResourceStridedSliceAssign ScatterAdd ScatterDiv ScatterMax ScatterMin
ScatterMul ScatterNd ScatterNdAdd ScatterNdMax ScatterNdMin ScatterNdNonAliasingAdd ScatterNdSub ScatterNdUpdate
ScatterSub ScatterUpdate Stack StackClose StackCloseV2 StackPop StackPopV2 StackPush StackPushV2 StackV2 Stage
StageClear StagePeek StageSize TakeManySparseFromTensorsMap TemporaryVariable TensorArray TensorArrayClose
TensorArrayCloseV2 TensorArrayCloseV3 TensorArrayConcat TensorArrayConcatV2 TensorArrayConcatV3 TensorArrayGather
TensorArrayGatherV2 TensorArrayGatherV3 TensorArrayGrad TensorArrayGradV2 TensorArrayGradV3 TensorArrayGradWithShape
TensorArrayPack TensorArrayRead TensorArrayReadV2 TensorArrayReadV3 TensorArrayScatter TensorArrayScatterV2
TensorArrayScatterV3 TensorArraySize TensorArraySizeV2 TensorArraySizeV3 TensorArraySplit TensorArraySplitV2
TensorArraySplitV3 TensorArrayUnpack TensorArrayV2 TensorArrayV3 TensorArrayWrite TensorArrayWriteV2
TensorArrayWriteV3 TensorListConcat TensorListConcatLists TensorListConcatV2 TensorListElementShape
TensorListFromTensor TensorListGather TensorListGetItem TensorListLength TensorListPopBack TensorListPushBack
TensorListPushBackBatch TensorListReserve TensorListResize TensorListScatter TensorListScatterIntoExistingList
TensorListScatterV2 TensorListSetItem TensorListSplit TensorListStack TensorMapErase TensorMapHasKey TensorMapInsert
TensorMapLookup TensorMapSize TensorMapStackKeys VarHandleOp VarIsInitializedOp Variable VariableShape VariableV2
"""

#: draw numbers
_RANDOM = """
AllCandidateSampler KMC2ChainInitialization KmeansPlusPlusInitialization LearnedUnigramCandidateSampler
LogUniformCandidateSampler Multinomial NonDeterministicInts ParameterizedTruncatedNormal RandomCrop RandomGamma
RandomGammaGrad RandomIndexShuffle RandomPoisson RandomPoissonV2 RandomShuffle RandomStandardNormal RandomUniform
RandomUniformInt RngReadAndSkip RngSkip SampleDistortedBoundingBox SampleDistortedBoundingBoxV2 SobolSample
StatefulRandomBinomial StatefulStandardNormal StatefulStandardNormalV2 StatefulTruncatedNormal StatefulUniform
StatefulUniformFullInt StatefulUniformInt StatelessMultinomial StatelessParameterizedTruncatedNormal
StatelessRandomBinomial StatelessRandomGammaV2 StatelessRandomGammaV3 StatelessRandomGetAlg
StatelessRandomGetKeyCounter StatelessRandomGetKeyCounterAlg StatelessRandomNormal StatelessRandomNormalV2
StatelessRandomPoisson StatelessRandomUniform StatelessRandomUniformFullInt StatelessRandomUniformFullIntV2
StatelessRandomUniformInt StatelessRandomUniformIntV2 StatelessRandomUniformV2 StatelessSampleDistortedBoundingBox
StatelessShuffle StatelessTruncatedNormal StatelessTruncatedNormalV2 StochasticCastToInt
ThreadUnsafeUnigramCandidateSampler TruncatedNormal UniformCandidateSampler
"""

#: take strings apart, join, encode and decode them: texts, images, sounds, records, in memory
_TEXT = """
AsString CTCBeamSearchDecoder CTCGreedyDecoder CTCLoss CTCLossV2 DecodeAndCropJpeg DecodeBase64 DecodeBmp DecodeCSV
DecodeCompressed DecodeGif DecodeImage DecodeJSONExample DecodeJpeg DecodeJxl DecodePaddedRaw DecodePng DecodeRaw
DecodeWav DecodeWebP EditDistance EncodeBase64 EncodeJpeg EncodePng EncodeWav ExtractJpegShape Fingerprint
ParseExample ParseExampleV2 ParseSequenceExample ParseSequenceExampleV2 ParseSingleExample ParseSingleSequenceExample
ParseTensor ReduceJoin RegexFullMatch RegexReplace SerializeManySparse SerializeSparse SerializeTensor ShardedFilename
ShardedFilespec StaticRegexFullMatch StaticRegexReplace StringFormat StringJoin StringLength StringLower StringNGrams
StringSplit StringSplitV2 StringStrip StringToHashBucket StringToHashBucketFast StringToHashBucketStrong
StringToNumber StringUpper Substr UnicodeDecode UnicodeDecodeWithOffsets UnicodeEncode UnicodeScript UnicodeTranscode
UnsortedSegmentJoin
"""

#: compute with numbers of few bits
_QUANTIZED = """
Dequantize FakeQuantWithMinMaxArgs FakeQuantWithMinMaxArgsGradient FakeQuantWithMinMaxVars
FakeQuantWithMinMaxVarsGradient FakeQuantWithMinMaxVarsPerChannel FakeQuantWithMinMaxVarsPerChannelGradient
IsBoostedTreesQuantileStreamResourceInitialized QuantizeAndDequantize QuantizeAndDequantizeV2 QuantizeAndDequantizeV3
QuantizeAndDequantizeV4 QuantizeAndDequantizeV4Grad QuantizeDownAndShrinkRange QuantizeV2 QuantizedAdd
QuantizedAvgPool QuantizedBatchNormWithGlobalNormalization QuantizedBiasAdd QuantizedConcat QuantizedConcatV2
QuantizedConv2D QuantizedConv2DAndRelu QuantizedConv2DAndReluAndRequantize QuantizedConv2DAndRequantize
QuantizedConv2DPerChannel QuantizedConv2DWithBias QuantizedConv2DWithBiasAndRelu
QuantizedConv2DWithBiasAndReluAndRequantize QuantizedConv2DWithBiasAndRequantize
QuantizedConv2DWithBiasSignedSumAndReluAndRequantize QuantizedConv2DWithBiasSumAndRelu
QuantizedConv2DWithBiasSumAndReluAndRequantize QuantizedDepthwiseConv2D QuantizedDepthwiseConv2DWithBias
QuantizedDepthwiseConv2DWithBiasAndRelu QuantizedDepthwiseConv2DWithBiasAndReluAndRequantize QuantizedInstanceNorm
QuantizedMatMul QuantizedMatMulWithBias QuantizedMatMulWithBiasAndDequantize QuantizedMatMulWithBiasAndRelu
QuantizedMatMulWithBiasAndReluAndRequantize QuantizedMatMulWithBiasAndRequantize QuantizedMaxPool QuantizedMul
QuantizedRelu QuantizedRelu6 QuantizedReluX QuantizedReshape QuantizedResizeBilinear UniformDequantize UniformQuantize
UniformQuantizedAdd UniformQuantizedClipByValue UniformQuantizedConvolution UniformQuantizedConvolutionHybrid
UniformQuantizedDot UniformQuantizedDotHybrid
"""

#: compute like the others, for compilers; XlaCallModule and XlaCustomCall, which carry programs, are not here
_XLA = """
XlaBroadcastHelper XlaConcatND XlaConv XlaConvV2 XlaDequantize XlaDot XlaDotV2 XlaDynamicSlice XlaDynamicUpdateSlice
XlaEinsum XlaGather XlaIf XlaKeyValueSort XlaOptimizationBarrier XlaPad XlaReduce XlaReducePrecision XlaReduceWindow
XlaRemoveDynamicDimensionSize XlaRngBitGenerator XlaScatter XlaSelectAndScatter XlaSelfAdjointEig XlaSetBound
XlaSetDynamicDimensionSize XlaSharding XlaSort XlaSplitND XlaSvd XlaVariadicReduce XlaVariadicReduceV2 XlaVariadicSort
XlaWhile
"""

#: compute numbers from numbers, or move them about
_NUMBERS = """
Abs AccumulateNV2 Acos Acosh Add AddN AddV2 AdjustContrast AdjustContrastv2 AdjustHue AdjustSaturation All Angle Any
ApproxTopK ApproximateEqual ArgMax ArgMin Asin Asinh Atan Atan2 Atanh AudioMicrofrontend AudioSpectrogram AvgPool
AvgPool3D AvgPool3DGrad AvgPoolGrad BandedTriangularSolve Batch BatchCholesky BatchCholeskyGrad BatchFFT BatchFFT2D
BatchFFT3D BatchIFFT BatchIFFT2D BatchIFFT3D BatchMatMul BatchMatMulV2 BatchMatMulV3 BatchMatrixBandPart
BatchMatrixDeterminant BatchMatrixDiag BatchMatrixDiagPart BatchMatrixInverse BatchMatrixSetDiag BatchMatrixSolve
BatchMatrixSolveLs BatchMatrixTriangularSolve BatchNormWithGlobalNormalization BatchNormWithGlobalNormalizationGrad
BatchSelfAdjointEig BatchSelfAdjointEigV2 BatchSvd BatchToSpace BatchToSpaceND BesselI0 BesselI0e BesselI1 BesselI1e
BesselJ0 BesselJ1 BesselK0 BesselK0e BesselK1 BesselK1e BesselY0 BesselY1 Betainc BiasAdd BiasAddGrad BiasAddV1
Bincount Bitcast BitwiseAnd BitwiseOr BitwiseXor BlockLSTM BlockLSTMGrad BlockLSTMGradV2 BlockLSTMV2 BroadcastArgs
BroadcastGradientArgs BroadcastTo Bucketize CSRSparseMatrixComponents CSRSparseMatrixToDense
CSRSparseMatrixToSparseTensor Cast Ceil CheckNumerics CheckNumericsV2 Cholesky CholeskyGrad ClipByValue
CombinedNonMaxSuppression Complex ComplexAbs CompositeTensorVariantFromComponents CompositeTensorVariantToComponents
ComputeAccidentalHits Concat ConcatOffset ConcatV2 Conj ConjugateTranspose Const Conv Conv2D Conv2DBackpropFilter
Conv2DBackpropFilterV2 Conv2DBackpropInput Conv2DBackpropInputV2 Conv3D Conv3DBackpropFilter Conv3DBackpropFilterV2
Conv3DBackpropInput Conv3DBackpropInputV2 Cos Cosh CountUpTo CropAndResize CropAndResizeGradBoxes
CropAndResizeGradImage Cross CudnnRNN CudnnRNNBackprop CudnnRNNBackpropV2 CudnnRNNBackpropV3 CudnnRNNCanonicalToParams
CudnnRNNCanonicalToParamsV2 CudnnRNNParamsSize CudnnRNNParamsToCanonical CudnnRNNParamsToCanonicalV2 CudnnRNNV2
CudnnRNNV3 Cumprod Cumsum CumulativeLogsumexp DataFormatDimMap DataFormatVecPermute Dawsn DebugGradientIdentity
DebugGradientRefIdentity DenseBincount DenseCountSparseOutput DenseToCSRSparseMatrix DenseToDenseSetOperation
DenseToSparseSetOperation DepthToSpace DepthwiseConv2dNative DepthwiseConv2dNativeBackpropFilter
DepthwiseConv2dNativeBackpropInput DeserializeManySparse DeserializeSparse DeviceIndex Diag DiagPart Digamma
Dilation2D Dilation2DBackpropFilter Dilation2DBackpropInput DisableCopyOnRead Div DivNoNan DrawBoundingBoxes
DrawBoundingBoxesV2 DynamicPartition DynamicStitch Eig Einsum Elu EluGrad Empty EnsureShape Equal Erf Erfc Erfinv
EuclideanNorm Exp ExpandDims Expint Expm1 ExtractGlimpse ExtractGlimpseV2 ExtractImagePatches ExtractVolumePatches FFT
FFT2D FFT3D FFTND Fact Fill Floor FloorDiv FloorMod FractionalAvgPool FractionalAvgPoolGrad FractionalMaxPool
FractionalMaxPoolGrad FresnelCos FresnelSin FusedBatchNorm FusedBatchNormGrad FusedBatchNormGradV2
FusedBatchNormGradV3 FusedBatchNormV2 FusedBatchNormV3 FusedPadConv2D FusedResizeAndPadConv2D GRUBlockCell
GRUBlockCellGrad Gather GatherNd GatherV2 GenerateBoundingBoxProposals Greater GreaterEqual GuaranteeConst HSVToRGB
HistogramFixedWidth HostConst IFFT IFFT2D IFFT3D IFFTND IRFFT IRFFT2D IRFFT3D IRFFTND Identity IdentityN Igamma
IgammaGradA Igammac Imag ImageProjectiveTransformV2 ImageProjectiveTransformV3 InTopK InTopKV2 Inv InvGrad Invert
InvertPermutation IsBoostedTreesEnsembleInitialized IsFinite IsInf IsNan IsotonicRegression KthOrderStatistic L2Loss
LRN LRNGrad LSTMBlockCell LSTMBlockCellGrad LeakyRelu LeakyReluGrad LeftShift Less LessEqual Lgamma LinSpace ListDiff
Log Log1p LogMatrixDeterminant LogSoftmax LogicalAnd LogicalNot LogicalOr LowerBound Lu MakeUnique MatMul
MatrixBandPart MatrixDeterminant MatrixDiag MatrixDiagPart MatrixDiagPartV2 MatrixDiagPartV3 MatrixDiagV2 MatrixDiagV3
MatrixExponential MatrixInverse MatrixLogarithm MatrixSetDiag MatrixSetDiagV2 MatrixSetDiagV3 MatrixSolve
MatrixSolveLs MatrixSquareRoot MatrixTriangularSolve Max MaxPool MaxPool3D MaxPool3DGrad MaxPool3DGradGrad MaxPoolGrad
MaxPoolGradGrad MaxPoolGradGradV2 MaxPoolGradGradWithArgmax MaxPoolGradV2 MaxPoolGradWithArgmax MaxPoolV2
MaxPoolWithArgmax Maximum Mean Mfcc Min Minimum MirrorPad MirrorPadGrad Mod Mul MulNoNan Ndtri NearestNeighbors Neg
NextAfter NonMaxSuppression NonMaxSuppressionV2 NonMaxSuppressionV3 NonMaxSuppressionV4 NonMaxSuppressionV5
NonMaxSuppressionWithOverlaps NotEqual NthElement OneHot OnesLike Pack Pad PadV2 ParallelConcat ParallelDynamicStitch
Placeholder PlaceholderV2 PlaceholderWithDefault Polygamma PopulationCount Pow PreventGradient Prod Qr RFFT RFFT2D
RFFT3D RFFTND RGBToHSV RaggedBincount RaggedCountSparseOutput RaggedCross RaggedFillEmptyRows RaggedFillEmptyRowsGrad
RaggedGather RaggedRange RaggedTensorFromVariant RaggedTensorToSparse RaggedTensorToTensor RaggedTensorToVariant
RaggedTensorToVariantGradient Range Rank Real RealDiv Reciprocal ReciprocalGrad Relu Relu6 Relu6Grad ReluGrad
RequantizationRange RequantizationRangePerChannel Requantize RequantizePerChannel Reshape ResizeArea ResizeBicubic
ResizeBicubicGrad ResizeBilinear ResizeBilinearGrad ResizeNearestNeighbor ResizeNearestNeighborGrad Reverse
ReverseSequence ReverseV2 RightShift Rint Roll Round Rsqrt RsqrtGrad ScaleAndTranslate ScaleAndTranslateGrad
SegmentMax SegmentMaxV2 SegmentMean SegmentMin SegmentMinV2 SegmentProd SegmentProdV2 SegmentSum SegmentSumV2 Select
SelectV2 SelfAdjointEig SelfAdjointEigV2 Selu SeluGrad SetSize Shape ShapeN Sigmoid SigmoidGrad Sign Sin Sinh Size
Slice Snapshot Softmax SoftmaxCrossEntropyWithLogits Softplus SoftplusGrad Softsign SoftsignGrad SpaceToBatch
SpaceToBatchND SpaceToDepth SparseAdd SparseAddGrad SparseBincount SparseConcat SparseCountSparseOutput SparseCross
SparseCrossHashed SparseCrossV2 SparseDenseCwiseAdd SparseDenseCwiseDiv SparseDenseCwiseMul SparseFillEmptyRows
SparseFillEmptyRowsGrad SparseMatMul SparseMatrixAdd SparseMatrixMatMul SparseMatrixMul SparseMatrixNNZ
SparseMatrixOrderingAMD SparseMatrixSoftmax SparseMatrixSoftmaxGrad SparseMatrixSparseCholesky
SparseMatrixSparseMatMul SparseMatrixTranspose SparseMatrixZeros SparseReduceMax SparseReduceMaxSparse SparseReduceSum
SparseReduceSumSparse SparseReorder SparseReshape SparseSegmentMean SparseSegmentMeanGrad SparseSegmentMeanGradV2
SparseSegmentMeanWithNumSegments SparseSegmentSqrtN SparseSegmentSqrtNGrad SparseSegmentSqrtNGradV2
SparseSegmentSqrtNWithNumSegments SparseSegmentSum SparseSegmentSumGrad SparseSegmentSumGradV2
SparseSegmentSumWithNumSegments SparseSlice SparseSliceGrad SparseSoftmax SparseSoftmaxCrossEntropyWithLogits
SparseSparseMaximum SparseSparseMinimum SparseSplit SparseTensorDenseAdd SparseTensorDenseMatMul
SparseTensorToCSRSparseMatrix SparseToDense SparseToSparseSetOperation Spence Split SplitV Sqrt SqrtGrad Square
SquaredDifference Squeeze StopGradient StridedSlice StridedSliceAssign StridedSliceGrad Sub Sum Svd Tan Tanh TanhGrad
TensorScatterAdd TensorScatterMax TensorScatterMin TensorScatterSub TensorScatterUpdate TensorStridedSliceUpdate Tile
TileGrad Timestamp ToBool TopK TopKUnique TopKV2 TopKWithUnique Transpose TridiagonalMatMul TridiagonalSolve
TruncateDiv TruncateMod Unbatch UnbatchGrad UniformRequantize Unique UniqueV2 UniqueWithCounts UniqueWithCountsV2
Unpack UnravelIndex UnsortedSegmentMax UnsortedSegmentMin UnsortedSegmentProd UnsortedSegmentSum Unstage UpperBound
Where WindowOp Xdivy Xlog1py Xlogy ZerosLike Zeta _Arg _FusedBatchNormEx _FusedConv2D _FusedConv3D
_FusedDepthwiseConv2dNative _FusedMatMul _Retval
"""

PLAIN: frozenset[str] = frozenset(
    " ".join(
        (
            _CONTROL, _DATASETS, _TABLES, _SUMMARIES, _TREES, _TRAINING, _STATE, _RANDOM, _TEXT, _QUANTIZED, _XLA,
            _NUMBERS, "Print DebugNumericSummaryV2",
        )
    ).split()
)  # fmt: skip
"""Operators that only compute. `Print` writes to the process's own error stream."""
