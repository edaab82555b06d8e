"""How the shipped small models are trained, from nothing: `small/train.sh` is the whole story, in order.

    draft              a small model, fitted to half of the databases, drafts SQL for the other half
    label              the drafts are run and compared with gold
    pairs              changes of gold and drafts, each with whether it mends: what the scorer learns
    errors             drafts with what is wrong with them, in words
    held_edits         single edits of drafts of held-out databases: what the scorer is looked at on
    adapter            LoRA adapters for bam, sam and lom
    scorer             the same for the scorer, and how well it does on held-out databases
    arrays, weights    the same examples, and the base, in files for a GPU machine that has torch and numpy
    alone parts              a large file in parts, and the parts as one file again
    gpu_run            adapters of several roles one after another, bounded by the clock: `small/gpu.sh`
    fetched            what a GPU run brought home, as adapters' folders and as drafts
    calibration_files  what `runs/calibrate.sh` needs of all this

Each is a command, `python -m small.NAME`, run with the repository's root and `src` on the path. `draft`,
`adapter` and `scorer` need torch, tokenizers, numpy and gguf, and of SHARE only modules that need nothing
more, so that they run on a GPU machine where SHARE is not installed. The others need SHARE and no torch.
"""
