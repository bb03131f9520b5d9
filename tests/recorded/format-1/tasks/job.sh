#!/bin/bash
#SBATCH --array=0-2
bash train.sh
