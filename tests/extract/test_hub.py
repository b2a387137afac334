"""The hub: the files of a repository that an encoder needs."""

from extract.hub import files_of_model


def test_of_several_formats_one_is_taken_and_no_code():
    sizes = dict.fromkeys(
        [
            *("README.md", "config.json", "tokenizer.json", "vocab.txt", "spiece.model", "net.py"),
            *("model.safetensors", "pytorch_model.bin", "flax_model.msgpack", "onnx/model.onnx"),
            *("onnx/config.json", "training_args.bin", "model.fp16.safetensors"),
        ],
        1,
    )
    assert sorted(files_of_model(sizes)) == [
        *("config.json", "model.safetensors", "spiece.model", "tokenizer.json", "vocab.txt")
    ]


def test_shards_and_torch_files_are_taken_where_there_is_nothing_better():
    shards = {f"model-0000{n}-of-00002.safetensors": n for n in (1, 2)}
    index = {"model.safetensors.index.json": 3}
    assert files_of_model(shards | index | {"pytorch_model.bin": 9}) == shards | index
    assert files_of_model({"pytorch_model.bin": 9}) == {"pytorch_model.bin": 9}


def test_modules_of_sentence_transformers_have_weights_of_their_own():
    sizes = {
        "modules.json": 1,
        "model.safetensors": 2,
        "1_Pooling/config.json": 3,
        "2_Dense/config.json": 4,
        "2_Dense/model.safetensors": 5,
        "2_Dense/pytorch_model.bin": 6,
    }
    assert files_of_model(sizes) == {k: n for k, n in sizes.items() if n != 6}
