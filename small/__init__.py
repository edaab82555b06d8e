"""How the shipped small models are trained, from nothing: `small/train.sh` is the whole story, in order.

    draft              a small model, fitted to half of the databases, drafts SQL for the other half
    label              the drafts are run and compared with gold
    pairs              changes of gold and drafts, each with whether it mends: what the scorer learns
    held_edits         single edits of drafts of held-out databases: what the scorer is looked at on
    adapter            LoRA adapters for bam, sam and lom
    scorer             the same for the scorer, and how well it does on held-out databases
    calibration_files  what `runs/calibrate.sh` needs of all this

Each is a command, `python -m small.NAME`, run with the repository's root and `src` on the path. `draft`,
`adapter` and `scorer` need torch, tokenizers, numpy and gguf, and of SHARE only modules that need nothing
more, so that they run on a GPU machine where SHARE is not installed. The others need SHARE and no torch.
"""
